package command

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/cmd/claimshare/internal/capsulefile"
	"github.com/claimshare/claimshare/crypto/pre"
)

const (
	capsuleSuffix = ".capsule"
	payloadSuffix = ".payload"
)

// sealedName is NAME, also when the user named NAME.capsule or NAME.payload.
func sealedName(arg string) string {
	for _, suffix := range []string{capsuleSuffix, payloadSuffix} {
		if name, ok := strings.CutSuffix(arg, suffix); ok {
			return name
		}
	}
	return arg
}

func readCapsule(name string) (*capsulefile.File, error) {
	f, err := openHalf(name, capsuleSuffix)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := capsulefile.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return c, nil
}

// readCapsuleOf also insists that the capsule is of the system with the given
// parameters.
func readCapsuleOf(name, paramsPath string) (*capsulefile.File, *pre.Parameters, error) {
	params, err := named{"--params", paramsPath}.parameters()
	if err != nil {
		return nil, nil, err
	}
	c, err := readCapsule(name)
	if err != nil {
		return nil, nil, err
	}
	if c.ParamsID != params.ID() {
		return nil, nil, fmt.Errorf("%s: %w", name+capsuleSuffix, errSystem)
	}
	return c, params, nil
}

// interruptible ends reading when ctx does.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// describeCapsule is everything public in a capsule file.
func describeCapsule(f *capsulefile.File) answer {
	payload, digest := f.Capsule.Payload(), f.Capsule.Digest()
	out := answer{
		{"recordId", "record", hex.EncodeToString(f.Info.RecordID[:])},
		{"kind", "kind", record.Kind(f.Info.Kind).String()},
		{"label", "label", f.Capsule.Label()},
		{"mode", "mode", f.Capsule.Mode().String()},
		{"ownerPid", "owner", f.Info.OwnerPID},
		{"issuerPid", "issuer", f.Info.IssuerPID},
		{"paramsId", "parameters id", hex.EncodeToString(f.ParamsID[:])},
		{"digest", "record digest", hex.EncodeToString(digest[:])},
		{"payloadSize", "payload size", payload.Size},
		{"payloadDigest", "payload digest", hex.EncodeToString(payload.SHA256[:])},
	}
	if size, ok := openedSize(payload.Size); ok {
		out = append(out, field{"recordSize", "record size", size})
	}
	return out
}

// openedSize is the inverse of pre.SealedSize; not every number is a sealed
// size.
func openedSize(sealed uint64) (uint64, bool) {
	var low, high uint64 = 0, sealed
	for low < high {
		middle := low + (high-low)/2
		if pre.SealedSize(middle) < sealed {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, pre.SealedSize(low) == sealed
}
