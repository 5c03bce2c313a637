package store

// SealVerdict is what a row's seal says of it.
type SealVerdict int

// A row that the store wrote and nobody altered is Intact. One that was Altered
// has a seal that does not fit, one that was Added by hand has none. Rows of the
// world state, chunks of payloads and seals themselves are Unsealed.
const (
	Unsealed SealVerdict = iota
	Intact
	Altered
	Added
)

// String names the verdict.
func (v SealVerdict) String() string {
	switch v {
	case Unsealed:
		return "unsealed"
	case Intact:
		return "intact"
	case Altered:
		return "altered"
	case Added:
		return "added"
	default:
		return "unknown"
	}
}
