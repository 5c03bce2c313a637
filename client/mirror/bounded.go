package mirror

import "github.com/claimshare/claimshare/chaincode/record"

// half is half of how many releases are remembered, at 32 bytes each.
const half = 1 << 15

// bounded is a set of releases that forgets the ones added first.
type bounded struct{ young, old map[record.ReleaseID]struct{} }

func (b *bounded) has(id record.ReleaseID) bool {
	_, young := b.young[id]
	_, old := b.old[id]
	return young || old
}

func (b *bounded) add(id record.ReleaseID) {
	if len(b.young) >= half || b.young == nil {
		b.young, b.old = map[record.ReleaseID]struct{}{}, b.young
	}
	b.young[id] = struct{}{}
}
