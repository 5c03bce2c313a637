package listener

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
)

// versionPrefix is where package contract puts a version of a record that was
// amended, under record and digest.
const versionPrefix = "v"

// RecordVersion reads one version of a record, the current or an amended one.
func RecordVersion(ctx context.Context, r Reader, v record.RecordVersion) (*record.Record, error) {
	current, err := Record(ctx, r, v.ID)
	if err != nil || current.Digest == v.Digest {
		return current, err
	}
	return read(ctx, r, versionPrefix+compact(v.ID[:])+compact(v.Digest[:]), record.DecodeRecord)
}
