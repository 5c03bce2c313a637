package model

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/claimshare/claimshare/crypto/bls"
)

const (
	channel   = "insurance"
	chaincode = "claimshare"
)

// world is everybody outside the ledger, with all secrets. It looks into the
// model to know what is on the ledger.
type world struct {
	*alliance.Deployment
	*rand.Rand // of the present step
	m          *model
	source     *source
	now        int64

	managers []*stub.Identity
	strange  []*stub.Identity                     // registered nowhere
	keys     map[record.SigningKey]*bls.SecretKey // all ever made
	made     map[record.PartyID][]*alliance.Member
	entries  []record.Entry          // signed so far
	consents []record.GrantStatement // signed so far, granted or not
	calls    []stub.Call             // made so far
	faulty   []stub.Call             // of them, batches with wrong signatures
}

// source is the randomness of one step after the other.
type source struct{ *rand.ChaCha8 }

func (s *source) Read(b []byte) (int, error) { return s.ChaCha8.Read(b) }

// system is a system.json and who acts under it.
type system struct {
	file      []byte
	threshold int
	agencies  map[string][]string
	managers  []string // MSP/name, the proposers of everything
}

// newSystem is a system of so many agencies, with two certificates each.
func newSystem(threshold, agencies int) system {
	file := record.SystemFile{Threshold: uint32(threshold)}
	s := system{threshold: threshold, agencies: map[string][]string{}}
	for i := range agencies {
		a := record.Agency{MSP: fmt.Sprintf("Agency%dMSP", i+1), Subjects: []string{"CN=manager,OU=client", "CN=deputy,OU=client"}}
		file.Agencies = append(file.Agencies, a)
		s.agencies[a.MSP] = a.Subjects
		s.managers = append(s.managers, a.MSP+"/manager", a.MSP+"/deputy")
	}
	s.file = file.Encode()
	return s
}

// certificates are made once per process: a run played again has the same.
var certificates sync.Map

func certificate(name string) *stub.Identity {
	if id, ok := certificates.Load(name); ok {
		return id.(*stub.Identity)
	}
	msp, common, _ := strings.Cut(name, "/")
	id, err := stub.NewIdentity(msp, common, nil)
	if err != nil {
		panic(fmt.Sprintf("model: certificate %s: %v", name, err))
	}
	kept, _ := certificates.LoadOrStore(name, id)
	return kept.(*stub.Identity)
}

// newWorld is a world before anybody is registered, and the model of an empty
// ledger.
func newWorld(seed uint64, s system) (*world, error) {
	w := &world{source: &source{}, keys: map[record.SigningKey]*bls.SecretKey{}, made: map[record.PartyID][]*alliance.Member{}}
	w.reseed(seed)
	params, err := alliance.NewParameters("model", w.source)
	if err != nil {
		return nil, err
	}
	w.Deployment = alliance.New(params, channel, chaincode, w.source)
	w.m = &model{
		context: w.Context, threshold: s.threshold, agencies: s.agencies, managers: sha256.Sum256(s.file),
		secrets: w.keys, parties: map[record.PartyID][]*record.Party{}, documents: map[string]record.Document{}, state: map[string]string{},
	}
	for _, name := range s.managers {
		w.managers = append(w.managers, certificate(name))
	}
	w.strange = []*stub.Identity{certificate("StrangeMSP/manager"), certificate("Agency1MSP/janitor"), certificate("Insurer2MSP/insurer1")}
	return w, nil
}

// reseed begins a step.
func (w *world) reseed(seed uint64) {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	w.source.ChaCha8 = rand.NewChaCha8(key)
	w.Rand = rand.New(rand.NewPCG(seed, 1))
}

func (w *world) chance(percent int) bool { return w.IntN(100) < percent }

func pick[T any](w *world, list []T) (v T) {
	if len(list) > 0 {
		v = list[w.IntN(len(list))]
	}
	return v
}

// must is for what fails only without randomness.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("model: %v", err))
	}
	return v
}

// note keeps a member's secrets.
func (w *world) note(m *alliance.Member) *alliance.Member {
	w.keys[m.SigningKey()] = m.Signing
	w.made[m.ID] = append(w.made[m.ID], m)
	return m
}

// newcomer is a party that is registered nowhere.
func (w *world) newcomer(role record.Role, mode record.KeyMode) *alliance.Member {
	msp, subject := "", ""
	if role != record.RolePolicyholder {
		n := 1 + w.IntN(4)
		name := fmt.Sprintf("%s%d", role, n)
		msp, subject = fmt.Sprintf("%s%dMSP", role, n), fmt.Sprintf("CN=%s-%d,OU=client", name, w.IntN(4))
	}
	if role == record.RoleAuthority {
		m := pick(w, w.managers)
		msp, subject = m.MSP(), m.Subject()
	}
	if role == record.RoleProxy || role == record.RoleAuthority {
		mode = record.ModeNone
	}
	return w.note(must(w.NewMember(role, msp, subject, mode)))
}

// member is a party with the secrets of its present keys, which need not have
// been made together.
func (w *world) member(p *record.Party) *alliance.Member {
	now := latest(p)
	for _, m := range w.made[p.ID] {
		if m.Encryption() == now.Encryption {
			present := *m
			present.Version, present.Signing = now.Version, w.keys[now.Signing]
			return &present
		}
	}
	panic(fmt.Sprintf("model: the encryption key of %s is nobody's", p.ID))
}

// identity is a party's certificate.
func identity(p *record.Party) *stub.Identity {
	common, _, _ := strings.Cut(strings.TrimPrefix(p.Subject, "CN="), ",")
	return certificate(p.MSP + "/" + common)
}

// party picks one of some roles, usually one that may act; nil when there is
// none.
func (w *world) party(roles ...record.Role) *record.Party {
	var active, others []*record.Party
	for _, p := range all(w.m, func(p *record.Party) bool { return slices.Contains(roles, p.Role) }) {
		if p.Status == record.StatusActive {
			active = append(active, p)
		} else {
			others = append(others, p)
		}
	}
	if len(active) == 0 || len(others) > 0 && w.chance(6) {
		return pick(w, others)
	}
	return pick(w, active)
}

func (w *world) owner() *record.Party  { return w.party(record.RolePolicyholder) }
func (w *world) issuer() *record.Party { return w.party(record.RoleInsurer, record.RoleRepairShop) }
func (w *world) anybody() *record.Party {
	return w.party(record.RoleInsurer, record.RoleRepairShop, record.RolePolicyholder, record.RoleProxy, record.RoleAuthority)
}
func (w *world) manager() *stub.Identity { return pick(w, w.managers) }

// carrier is anybody who may carry an owner's statement.
func (w *world) carrier() *stub.Identity {
	p := w.party(record.RoleInsurer, record.RoleRepairShop, record.RoleProxy)
	if p == nil || w.chance(30) {
		return w.manager()
	}
	return identity(p)
}

// outsider is a party that was made but perhaps never registered.
func (w *world) outsider() record.PartyID {
	var id record.PartyID
	must(0, w.Draw(id[:]))
	return id
}

func (w *world) call(id *stub.Identity, function string, args ...string) stub.Call {
	return stub.Call{Identity: id, Function: function, Args: args}
}

// somebody is nearly anyone's certificate.
func (w *world) somebody() *stub.Identity {
	p := w.party(record.RoleInsurer, record.RoleRepairShop, record.RoleProxy)
	switch w.IntN(4) {
	case 0:
		return w.manager()
	case 1:
		return pick(w, w.strange)
	}
	if p == nil {
		return w.manager()
	}
	return identity(p)
}

// edge is a time at the edge of what a statement may be dated, on either side.
func (w *world) edge() int64 {
	s := w.m.documents[systemKey].(*record.System)
	early, late := w.now-int64(s.RecordWindow), w.now+int64(s.ClockSkew)
	return pick(w, []int64{early - 1, early, late, late + 1, late + 1000})
}
