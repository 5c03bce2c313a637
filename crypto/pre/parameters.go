package pre

import (
	"fmt"
	"sync"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	paramsMagic  = "CSPA"
	version      = 1
	suite        = 1 // BN254, SHA-256, HKDF-SHA256, AES-256-GCM STREAM
	maxNameSize  = 64
	labelsCached = 1024 // bounded: a stranger chooses labels; about 1.5 KB each
	tablesCached = 16   // labels in use for sealing; 3.2 MB each
)

// Parameters are the public parameters of one deployment (section 3.1): the
// groups, the generators, the system manager's public key Y and the system's
// name. All but Y and the name follow from fixed tags by hashing to the curve,
// so nobody knows a discrete logarithm between them and there is nothing in a
// parameters file to be trusted but Y.
//
// Parameters own what is worth computing once: precomputed lines, fixed-base
// tables, and the bases and tables of the labels in use (bounded caches). Safe
// for concurrent use; share one.
type Parameters struct {
	id     [32]byte
	name   string
	master publicKey // Y = g^x

	g     bn254.G1Affine
	gHat  bn254.G2Affine
	gHat1 *curve.FixedG2 // base of C1
	u     bn254.G1Affine
	vd    bn254.G1Affine // v d
	bases *lru.Cache[string, *labelBases]

	gHat1Table *curve.Lazy[curve.TableG2]
	uTable     *curve.Lazy[curve.TableG1]
	vdTable    *curve.Lazy[curve.TableG1]
	tables     *lru.Cache[string, *labelTables]
}

// NewParameters makes the parameters of the system called systemName (1 to 64
// bytes) whose manager's public key is masterPublicKey (32 bytes, from
// [MasterKey.PublicKey]). It returns [ErrMalformed].
func NewParameters(systemName string, masterPublicKey []byte) (*Parameters, error) {
	if systemName == "" || len(systemName) > maxNameSize {
		return nil, fmt.Errorf("%w: system name must have 1 to %d bytes", ErrMalformed, maxNameSize)
	}
	y, err := parsePoint(masterPublicKey)
	if err != nil {
		return nil, fmt.Errorf("system manager's public key: %w", err)
	}
	_, _, g, gHat := bn254.Generators()
	gHat1, gHat2 := curve.HashToG2([]byte("g1"), tag.Generator), curve.HashToG2([]byte("g2"), tag.Generator)
	u, v, d := generatorG1("u"), generatorG1("v"), generatorG1("d")
	bases, err := lru.New[string, *labelBases](labelsCached)
	if err != nil {
		return nil, fmt.Errorf("pre: label cache: %w", err)
	}
	tables, err := lru.New[string, *labelTables](tablesCached)
	if err != nil {
		return nil, fmt.Errorf("pre: table cache: %w", err)
	}
	p := &Parameters{name: systemName, master: y, g: g, gHat: gHat, gHat1: curve.NewFixedG2(gHat1), u: u, bases: bases, tables: tables}
	p.vd.Add(&v, &d)
	p.gHat1Table = curve.NewLazy(func() *curve.TableG2 { return curve.NewTableG2(gHat1) })
	p.uTable = curve.NewLazy(func() *curve.TableG1 { return curve.NewTableG1(p.u) })
	p.vdTable = curve.NewLazy(func() *curve.TableG1 { return curve.NewTableG1(p.vd) })

	var all []byte
	for _, point := range []bn254.G1Affine{g} {
		b := point.Bytes()
		all = append(all, b[:]...)
	}
	for _, point := range []bn254.G2Affine{gHat, gHat1, gHat2} {
		b := point.Bytes()
		all = append(all, b[:]...)
	}
	for _, point := range []bn254.G1Affine{u, v, d, y.point} {
		b := point.Bytes()
		all = append(all, b[:]...)
	}
	p.id = tag.Hash(tag.Params, all, tag.LP(nil, []byte(systemName)))
	return p, nil
}

func generatorG1(name string) bn254.G1Affine { return curve.HashToG1([]byte(name), tag.Generator) }

// ID is SHA-256 over everything public of the deployment. It goes into every
// hash of the scheme, so that nothing made for one deployment works in another.
func (p *Parameters) ID() [32]byte { return p.id }

// SystemName is the deployment's name.
func (p *Parameters) SystemName() string { return p.name }

// MasterPublicKey is Y, 32 bytes.
func (p *Parameters) MasterPublicKey() []byte { return p.master.Bytes() }

// Bytes is magic(4) ‖ version(1) ‖ suite(1) ‖ Y(32) ‖ lp(system name).
func (p *Parameters) Bytes() []byte {
	b := append([]byte(paramsMagic), version, suite)
	b = append(b, p.master.bytes[:]...)
	return tag.LP(b, []byte(p.name))
}

// ParseParameters decodes [Parameters.Bytes]. It returns [ErrMalformed].
func ParseParameters(b []byte) (*Parameters, error) {
	const fixed = 6 + curve.G1Size + 4
	if len(b) < fixed || string(b[:4]) != paramsMagic || b[4] != version || b[5] != suite {
		return nil, fmt.Errorf("%w: system parameters", ErrMalformed)
	}
	name := b[fixed:]
	if string(tag.LP(nil, name)) != string(b[fixed-4:]) {
		return nil, fmt.Errorf("%w: system parameters: length of the name", ErrMalformed)
	}
	return NewParameters(string(name), b[6:6+curve.G1Size])
}

// labelBases are the bases of one label (docs/protocol.md, "Labels") and the
// target-group elements that encryption raises to r instead of pairing.
type labelBases struct {
	payload, search bn254.G2Affine // B̂_w, Ŝ_w
	payloadGT       func() bn254.GT
	searchGT        func() bn254.GT // of the system manager's key: e(Y, Ŝ_w)
	searchUnitGT    func() bn254.GT // e(g, Ŝ_w)
}

// ValidLabel checks the form of a scoped label. It returns [ErrLabel].
func ValidLabel(label string) error {
	if label == "" || len(label) > MaxLabelSize {
		return ErrLabel
	}
	for _, c := range []byte(label) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '/', c == '-':
		default:
			return ErrLabel
		}
	}
	return nil
}

// base returns the label's bases; the empty label has the paper's own.
func (p *Parameters) base(label string) *labelBases {
	if b, ok := p.bases.Get(label); ok {
		return b
	}
	b := &labelBases{payload: p.gHat, search: curve.HashToG2([]byte("g2"), tag.Generator)}
	if label != "" {
		msg := tag.LP(p.id[:], []byte(label))
		b.payload, b.search = curve.HashToG2(msg, tag.PayloadBase), curve.HashToG2(msg, tag.SearchBase)
	}
	b.payloadGT = sync.OnceValue(func() bn254.GT { return curve.Pair(&p.g, &b.payload) })
	b.searchGT = sync.OnceValue(func() bn254.GT { return curve.Pair(&p.master.point, &b.search) })
	b.searchUnitGT = sync.OnceValue(func() bn254.GT { return curve.Pair(&p.g, &b.search) })
	p.bases.Add(label, b)
	return b
}

// labelTables are the fixed-base tables of one label: of e(g, B̂_w) and
// e(Y, Ŝ_w).
type labelTables struct {
	payload, search *curve.Lazy[curve.TableGT]
}

func (p *Parameters) labelTables(label string) *labelTables {
	if t, ok := p.tables.Get(label); ok {
		return t
	}
	base := p.base(label)
	t := &labelTables{
		payload: curve.NewLazy(func() *curve.TableGT { return curve.NewTableGT(base.payloadGT()) }),
		search:  curve.NewLazy(func() *curve.TableGT { return curve.NewTableGT(base.searchGT()) }),
	}
	p.tables.Add(label, t)
	return t
}

// Warm builds every table that sealing under these labels uses, which else
// happens after some dozens of records: about 20 ms, and 5 MB with one label.
func (p *Parameters) Warm(labels ...string) {
	p.gHat1Table.Warm()
	p.uTable.Warm()
	p.vdTable.Warm()
	for _, label := range labels {
		t := p.labelTables(label)
		t.payload.Warm()
		t.search.Warm()
	}
}

// powGHat1 is ĝ1^s.
func (p *Parameters) powGHat1(s *fr.Element) bn254.G2Affine {
	if t := p.gHat1Table.Use(); t != nil {
		return t.Pow(s)
	}
	point := p.gHat1.Point()
	return curve.MulG2(&point, s)
}

// powU is u^s.
func (p *Parameters) powU(s *fr.Element) bn254.G1Jac {
	if t := p.uTable.Use(); t != nil {
		return t.PowJac(s)
	}
	z := curve.MulG1(&p.u, s)
	var out bn254.G1Jac
	out.FromAffine(&z)
	return out
}

// powVD is (v d)^s.
func (p *Parameters) powVD(s *fr.Element) bn254.G1Jac {
	if t := p.vdTable.Use(); t != nil {
		return t.PowJac(s)
	}
	z := curve.MulG1(&p.vd, s)
	var out bn254.G1Jac
	out.FromAffine(&z)
	return out
}

// powGT is base^s, with the base's table where it is worth it.
func powGT(table *curve.Lazy[curve.TableGT], base func() bn254.GT, s *fr.Element) bn254.GT {
	if t := table.Use(); t != nil {
		return t.Pow(s)
	}
	return curve.PowGT(base(), s)
}
