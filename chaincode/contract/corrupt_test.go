package contract_test

import (
	"strings"
	"testing"
	"time"

	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// altered is a stub that answers otherwise than the ledger does. What is nil is
// as the ledger has it.
type altered struct {
	shim.ChaincodeStubInterface
	value    func(key string, value []byte) []byte
	creator  []byte
	txID     string
	proposal *peer.SignedProposal
	noTime   bool
}

func (s altered) GetState(key string) ([]byte, error) {
	value, err := s.ChaincodeStubInterface.GetState(key)
	return s.alter(key, value), err
}

func (s altered) GetMultipleStates(keys ...string) ([][]byte, error) {
	values, err := s.ChaincodeStubInterface.GetMultipleStates(keys...)
	for i := range values {
		values[i] = s.alter(keys[i], values[i])
	}
	return values, err
}

func (s altered) GetStateByPartialCompositeKey(objectType string, attributes []string) (shim.StateQueryIteratorInterface, error) {
	rows, err := s.ChaincodeStubInterface.GetStateByPartialCompositeKey(objectType, attributes)
	return alteredRows{rows, s}, err
}

func (s altered) GetStateByPartialCompositeKeyWithPagination(objectType string, attributes []string, size int32, bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	rows, m, err := s.ChaincodeStubInterface.GetStateByPartialCompositeKeyWithPagination(objectType, attributes, size, bookmark)
	return alteredRows{rows, s}, m, err
}

func (s altered) GetStateByRangeWithPagination(start, end string, size int32, bookmark string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	rows, m, err := s.ChaincodeStubInterface.GetStateByRangeWithPagination(start, end, size, bookmark)
	return alteredRows{rows, s}, m, err
}

func (s altered) GetHistoryForKey(key string) (shim.HistoryQueryIteratorInterface, error) {
	rows, err := s.ChaincodeStubInterface.GetHistoryForKey(key)
	return alteredHistory{rows, s, key}, err
}

func (s altered) alter(key string, value []byte) []byte {
	if s.value == nil || len(value) < 2 { // index marks have one byte
		return value
	}
	return s.value(key, value)
}

func (s altered) GetCreator() ([]byte, error) {
	if s.creator != nil {
		return s.creator, nil
	}
	return s.ChaincodeStubInterface.GetCreator()
}

func (s altered) GetTxID() string {
	if s.txID != "" {
		return s.txID
	}
	return s.ChaincodeStubInterface.GetTxID()
}

func (s altered) GetSignedProposal() (*peer.SignedProposal, error) {
	if s.proposal != nil {
		return s.proposal, nil
	}
	return s.ChaincodeStubInterface.GetSignedProposal()
}

func (s altered) GetTxTimestamp() (*timestamppb.Timestamp, error) {
	if s.noTime {
		return nil, shimError("no timestamp")
	}
	return s.ChaincodeStubInterface.GetTxTimestamp()
}

type alteredRows struct {
	shim.StateQueryIteratorInterface
	s altered
}

func (r alteredRows) Next() (*queryresult.KV, error) {
	row, err := r.StateQueryIteratorInterface.Next()
	if err != nil {
		return nil, err
	}
	return &queryresult.KV{Key: row.GetKey(), Value: r.s.alter(row.GetKey(), row.GetValue())}, nil
}

type alteredHistory struct {
	shim.HistoryQueryIteratorInterface
	s   altered
	key string
}

func (r alteredHistory) Next() (*queryresult.KeyModification, error) {
	row, err := r.HistoryQueryIteratorInterface.Next()
	if err != nil {
		return nil, err
	}
	return &queryresult.KeyModification{TxId: row.GetTxId(), Value: r.s.alter(r.key, row.GetValue())}, nil
}

// altering is the chaincode on altered stubs.
type altering struct {
	*contract.Chaincode
	alter func(*altered)
}

func (c altering) Invoke(s shim.ChaincodeStubInterface) *peer.Response {
	a := altered{ChaincodeStubInterface: s}
	c.alter(&a)
	return c.Chaincode.Invoke(a)
}

// altered simulates a call on an altered stub and expects the refusal.
func (a *consortium) altered(want *record.Error, call stub.Call, alter func(*altered)) {
	a.t.Helper()
	_, err := a.ledger.SimulateWith(altering{a.code, alter}, call)
	require.Error(a.t, err, call.Function)
	refusal, coded := record.ParseError(err.Error())
	require.True(a.t, coded, err.Error())
	require.Equal(a.t, want.Code, refusal.Code, err.Error())
	require.NotContains(a.t, err.Error(), "panicked")
	provoked(call.Function, want.Code)
}

// countedOnly are keys of which a transaction needs only the number.
func countedOnly(function, key string) bool {
	return strings.HasPrefix(key, "\x00x\x00") && function != record.TxViolations
}

// TestEveryCorruption: whichever of the documents that a transaction reads is
// not one, it fails, and never acts on half of what it needs.
func TestEveryCorruption(t *testing.T) {
	one, several := newAlliance(t), newAgencies(t, 2)
	one.corrupt(one.validCalls())
	several.corrupt(several.decisionCalls())
}

func (a *consortium) corrupt(calls []stub.Call) {
	a.t.Helper()
	for _, call := range calls {
		var keys []string // that this call reads
		_, err := a.ledger.SimulateWith(altering{a.code, func(s *altered) {
			s.value = func(key string, value []byte) []byte { keys = append(keys, key); return value }
		}}, call)
		require.NoError(a.t, err)
		require.NotEmpty(a.t, keys)
		for _, spoilt := range keys {
			if countedOnly(call.Function, spoilt) {
				continue
			}
			a.altered(record.ErrInternal, call, func(s *altered) {
				s.value = func(key string, value []byte) []byte {
					if key == spoilt {
						return append(append([]byte{}, value...), 0)
					}
					return value
				}
			})
		}
	}
}

// TestCorruptKeys: a party's document that reads well, but whose keys are no
// points of the curve.
func TestCorruptKeys(t *testing.T) {
	a := newAlliance(t)
	c, open := a.claim(), a.released()
	spoil := func(change func(p *record.Party)) func(*altered) {
		return func(s *altered) {
			s.value = func(_ string, value []byte) []byte {
				p, err := record.DecodeParty(value)
				if err != nil {
					return value
				}
				change(p)
				return p.Encode()
			}
		}
	}
	raw := spoil(func(p *record.Party) { p.RawSigning = record.RawSigningKey{1} })
	a.altered(record.ErrInternal, a.call(a.shop.identity, record.TxRevoke, a.revokeArgs(c.grant.Consent, a.owner)...), raw)
	a.altered(record.ErrInternal, a.call(a.proxy.identity, record.TxRelease, releaseArg(c.delivery)), raw)
	a.altered(record.ErrInternal, a.call(a.shop.identity, record.TxErase, a.eraseArgs(c.repair, a.shop)...), raw)
	submission := batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{a.entry(a.shop, a.owner)}})
	a.altered(record.ErrInternal, submission, raw)
	a.altered(record.ErrInternal, submission, spoil(func(p *record.Party) {
		if p.Role == record.RolePolicyholder {
			p.RawSigning = record.RawSigningKey{1}
		}
	}))
	trailer := a.trailerArgs(open, a.shop, nil)
	dispute := a.call(a.insurer.identity, record.TxDispute, open.delivery.Statement.Release.String(), "payload", "altered", trailer[0], trailer[1])
	a.altered(record.ErrInternal, dispute, spoil(func(p *record.Party) { p.Keys[0].Signing = record.SigningKey{1} }))
}

// TestCollision: two pseudo-identities with one id would be a collision of
// SHA-256, so the ledger is made to show another party under the id.
func TestCollision(t *testing.T) {
	a := newAlliance(t)
	var other []byte
	for _, w := range a.ledger.State() {
		if p, err := record.DecodeParty(w.Value); err == nil && p.ID == a.rival.ID {
			other = w.Value
		}
	}
	r := a.registration(a.insurer)
	call := a.call(a.manager, record.TxRegister, record.EncodeText(r.Encode()))
	a.refusedCall(record.ErrPartyExists, call)
	a.altered(record.ErrPartyCollision, call, func(s *altered) {
		s.value = func(key string, value []byte) []byte {
			if p, err := record.DecodeParty(value); err == nil && p.ID == a.insurer.ID {
				return other
			}
			return value
		}
	})
}

// TestMissingDocuments: an index that names what is not there, and a version
// chain with a hole.
func TestMissingDocuments(t *testing.T) {
	a := newAlliance(t)
	e := a.recorded(a.shop, a.owner)
	a.mustSubmit(batchCall(a.shop.identity, record.TxAmend, &record.Batch{Entries: []record.Entry{a.sign(a.amended(e.Statement), a.shop, a.owner)}}))
	without := func(prefix string) func(*altered) {
		return func(s *altered) {
			s.value = func(key string, value []byte) []byte {
				if strings.HasPrefix(key, prefix) {
					return nil
				}
				return value
			}
		}
	}
	a.altered(record.ErrInternal, a.call(a.shop.identity, record.TxRecordsByOwner, a.owner.PID, "5", ""), without("r"))
	a.altered(record.ErrInternal, a.call(a.shop.identity, record.TxRecordHistory, e.Statement.ID.String(), "5", ""), without("v"))
}

// TestOddEnvelopes: what no peer would pass on is refused all the same.
func TestOddEnvelopes(t *testing.T) {
	a := newAlliance(t)
	query := a.call(a.shop.identity, record.TxParty, a.shop.PID)
	for _, at := range []int64{0, -5, record.MaxTime + 1} {
		odd := query
		odd.Time = time.Unix(at, 0)
		a.altered(record.ErrMalformed, odd, func(*altered) {})
	}
	a.altered(record.ErrInternal, query, func(s *altered) { s.noTime = true })
	a.altered(record.ErrMalformed, query, func(s *altered) { s.txID = "x" })
	a.altered(record.ErrUnknownCaller, query, func(s *altered) { s.creator = []byte("\xff") })
	noCertificate, err := proto.Marshal(&msp.SerializedIdentity{Mspid: "ShopMSP", IdBytes: []byte("an anonymous credential")})
	require.NoError(t, err)
	a.altered(record.ErrUnknownCaller, query, func(s *altered) { s.creator = noCertificate })

	fresh := newLedger(t)
	setup := fresh.Setup()
	initialise := fresh.call(fresh.manager, record.TxInitSystem, record.EncodeText(setup.Encode()))
	fresh.altered(record.ErrInternal, initialise, func(s *altered) { s.proposal = &peer.SignedProposal{ProposalBytes: []byte("\xff")} })
	header, err := proto.Marshal(&common.Header{})
	require.NoError(t, err)
	nameless, err := proto.Marshal(&peer.Proposal{Header: header})
	require.NoError(t, err)
	fresh.altered(record.ErrInternal, initialise, func(s *altered) { s.proposal = &peer.SignedProposal{ProposalBytes: nameless} })
	for _, panics := range []bool{false, true} {
		covered := map[string]bool{}
		fresh.failAt([]stub.Call{initialise}, panics, covered)
	}
}
