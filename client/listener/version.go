package listener

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
)

// RecordVersion reads one version of a record, the current or an amended one.
func RecordVersion(ctx context.Context, r Reader, v record.RecordVersion) (*record.Record, error) {
	current, err := Record(ctx, r, v.ID)
	if err != nil || current.Digest == v.Digest {
		return current, err
	}
	return read(ctx, r, record.VersionKey(v), record.DecodeRecord)
}
