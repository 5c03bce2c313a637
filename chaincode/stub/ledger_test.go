package stub_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// script is a chaincode that runs whatever the test registers.
type script map[string]func(shim.ChaincodeStubInterface, []string) ([]byte, error)

func (script) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (s script) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	f, ok := s[name]
	if !ok {
		return shim.Error("unknown function " + name)
	}
	answer, err := f(stub, args)
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(answer)
}

func keysOf(it shim.StateQueryIteratorInterface, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var keys []string
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return nil, err
		}
		keys = append(keys, kv.GetKey())
	}
	return []byte(strings.Join(keys, " ")), nil
}

// basics puts, gets, deletes, lists and increments.
func basics() script {
	return script{
		"put": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return nil, s.PutState(a[0], []byte(a[1]))
		},
		"get": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) { return s.GetState(a[0]) },
		"del": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) { return nil, s.DelState(a[0]) },
		"add": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			v, err := s.GetState(a[0])
			if err != nil {
				return nil, err
			}
			n, _ := strconv.Atoi(string(v))
			return nil, s.PutState(a[0], []byte(strconv.Itoa(n+1)))
		},
		"list": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			return keysOf(s.GetStateByRange(a[0], a[1]))
		},
		"count": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			keys, err := keysOf(s.GetStateByRange(a[0], a[1]))
			if err != nil {
				return nil, err
			}
			return nil, s.PutState("count", []byte(strconv.Itoa(1+len(strings.Fields(string(keys))))))
		},
		"page": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			it, metadata, err := s.GetStateByRangeWithPagination(a[0], a[1], 2, a[2])
			keys, err := keysOf(it, err)
			if err != nil {
				return nil, err
			}
			return []byte(fmt.Sprintf("%s next=%s n=%d", keys, metadata.GetBookmark(), metadata.GetFetchedRecordsCount())), nil
		},
		"history": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			it, err := s.GetHistoryForKey(a[0])
			if err != nil {
				return nil, err
			}
			defer it.Close()
			var lines []string
			for it.HasNext() {
				m, err := it.Next()
				if err != nil {
					return nil, err
				}
				lines = append(lines, fmt.Sprintf("%s %v %d", m.GetValue(), m.GetIsDelete(), m.GetTimestamp().GetSeconds()))
			}
			return []byte(strings.Join(lines, ";")), nil
		},
	}
}

type fixture struct {
	t      *testing.T
	ledger *stub.Ledger
	alice  *stub.Identity
}

func newFixture(t *testing.T, cc shim.Chaincode) fixture {
	alice, err := stub.NewIdentity("Org1MSP", "alice", map[string]string{"level": "gold"})
	require.NoError(t, err)
	return fixture{t, stub.NewLedger("ch", "cc", cc), alice}
}

func (f fixture) call(function string, args ...string) stub.Call {
	return stub.Call{Identity: f.alice, Function: function, Args: args}
}

func (f fixture) invoke(function string, args ...string) {
	f.t.Helper()
	_, err := f.ledger.Invoke(f.call(function, args...))
	require.NoError(f.t, err)
}

func (f fixture) simulate(function string, args ...string) *stub.Transaction {
	f.t.Helper()
	tx, err := f.ledger.Simulate(f.call(function, args...))
	require.NoError(f.t, err)
	return tx
}

func (f fixture) answer(function string, args ...string) string {
	f.t.Helper()
	b, err := f.ledger.Evaluate(f.call(function, args...))
	require.NoError(f.t, err)
	return string(b)
}

func TestState(t *testing.T) {
	f := newFixture(t, basics())
	require.Empty(t, f.answer("get", "a"))
	for _, k := range []string{"c", "a", "b", "d"} {
		f.invoke("put", k, "value of "+k)
	}
	require.Equal(t, "value of a", f.answer("get", "a"))
	require.Equal(t, "b c", f.answer("list", "b", "d"))
	require.Equal(t, "a b c d", f.answer("list", "", ""))
	f.invoke("del", "b")
	require.Equal(t, "a c d", f.answer("list", "", ""))
	require.Nil(t, f.ledger.Get("b"))
	require.Equal(t, []byte("value of c"), f.ledger.Get("c"))
	require.Len(t, f.ledger.State(), 3)
	require.Len(t, f.ledger.Blocks(), 5)
	require.Equal(t, "a c next=d n=2", f.answer("page", "", "", ""))
	require.Equal(t, "d next= n=1", f.answer("page", "", "", "d"))
}

func TestOwnWritesAreInvisible(t *testing.T) {
	f := newFixture(t, script{"f": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		if err := s.PutState("k", []byte("new")); err != nil {
			return nil, err
		}
		return s.GetState("k")
	}})
	tx, err := f.ledger.Invoke(f.call("f"))
	require.NoError(t, err)
	require.Empty(t, tx.Response.GetPayload())
	tx, err = f.ledger.Invoke(f.call("f"))
	require.NoError(t, err)
	require.Equal(t, "new", string(tx.Response.GetPayload()))
}

func TestConflicts(t *testing.T) {
	f := newFixture(t, basics())
	f.invoke("put", "k1", "1")
	f.invoke("put", "k2", "1")

	one, two, other := f.simulate("add", "k1"), f.simulate("add", "k1"), f.simulate("add", "k2")
	require.Equal(t, []peer.TxValidationCode{
		peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT, peer.TxValidationCode_VALID,
	}, f.ledger.Commit(one, two, other))
	require.Equal(t, "2", f.answer("get", "k1"))

	blind1, blind2 := f.simulate("put", "k1", "x"), f.simulate("put", "k1", "y")
	require.Equal(t, peer.TxValidationCode_NOT_VALIDATED, blind2.Code)
	f.ledger.Commit(blind1, blind2)
	require.Equal(t, peer.TxValidationCode_VALID, blind2.Code, "blind writes never conflict")

	absent, creator := f.simulate("add", "k9"), f.simulate("put", "k9", "5")
	f.ledger.Commit(creator)
	require.Equal(t, peer.TxValidationCode_MVCC_READ_CONFLICT, f.ledger.Commit(absent)[0], "absence is read too")

	require.Equal(t, peer.TxValidationCode_DUPLICATE_TXID, f.ledger.Commit(creator)[0])
}

func TestPhantoms(t *testing.T) {
	f := newFixture(t, basics())
	f.invoke("put", "k1", "1")
	for name, change := range map[string][]string{"new": {"put", "k2", "1"}, "changed": {"put", "k1", "2"}, "gone": {"del", "k1"}} {
		reader, outside, writer := f.simulate("count", "k", "l"), f.simulate("count", "m", "n"), f.simulate(change[0], change[1:]...)
		require.Equal(t, []peer.TxValidationCode{
			peer.TxValidationCode_VALID, peer.TxValidationCode_PHANTOM_READ_CONFLICT, peer.TxValidationCode_VALID,
		}, f.ledger.Commit(writer, reader, outside), name)
		f.invoke("put", "k1", "1")
		f.invoke("del", "k2")
	}
}

// TestPartialRange: what an iterator has not fetched has not been read.
func TestPartialRange(t *testing.T) {
	f := newFixture(t, script{
		"put": basics()["put"],
		"peek": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
			n, _ := strconv.Atoi(a[0])
			it, err := s.GetStateByRange("k", "l")
			if err != nil {
				return nil, err
			}
			for i := 0; i < n; i++ {
				if _, err := it.Next(); err != nil {
					return nil, err
				}
			}
			return nil, s.PutState("seen", []byte("x"))
		},
	})
	for i := 0; i < 250; i++ {
		f.invoke("put", fmt.Sprintf("k%03d", i), "v")
	}
	few, more := f.simulate("peek", "1"), f.simulate("peek", "100")
	writer := f.simulate("put", "k150", "w")
	require.Equal(t, []peer.TxValidationCode{
		peer.TxValidationCode_VALID, peer.TxValidationCode_VALID, peer.TxValidationCode_PHANTOM_READ_CONFLICT,
	}, f.ledger.Commit(writer, few, more))
	_, err := f.ledger.Simulate(f.call("peek", "251"))
	require.ErrorContains(t, err, "exhausted")
}

// TestRowThatShowsMore: a peer reads one row more than it hands out.
func TestRowThatShowsMore(t *testing.T) {
	f := newFixture(t, script{
		"put": basics()["put"],
		"del": basics()["del"],
		"first": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			it, err := s.GetStateByRange("k", "l")
			if err != nil {
				return nil, err
			}
			if _, err := it.Next(); err != nil {
				return nil, err
			}
			return nil, s.PutState("seen", []byte("x"))
		},
	})
	for i := 0; i < 103; i++ {
		f.invoke("put", fmt.Sprintf("k%03d", i), "v")
	}
	for key, want := range map[string]peer.TxValidationCode{
		"k099": peer.TxValidationCode_PHANTOM_READ_CONFLICT, "k0999": peer.TxValidationCode_PHANTOM_READ_CONFLICT,
		"k100": peer.TxValidationCode_PHANTOM_READ_CONFLICT, "k1000": peer.TxValidationCode_VALID, "k101": peer.TxValidationCode_VALID,
	} {
		reader := f.simulate("first")
		f.invoke("put", key, "w")
		require.Equal(t, want, f.ledger.Commit(reader)[0], key)
		if want != peer.TxValidationCode_VALID && len(key) == 5 {
			f.invoke("del", key)
		}
	}
}

// TestSameBlock: within a block it counts that a key has been written, not what
// was.
func TestSameBlock(t *testing.T) {
	f := newFixture(t, basics())
	putter, deleter, reader := f.simulate("put", "k", "v"), f.simulate("del", "k"), f.simulate("add", "k")
	require.Equal(t, []peer.TxValidationCode{
		peer.TxValidationCode_VALID, peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT,
	}, f.ledger.Commit(putter, deleter, reader))
	putter, deleter, reader = f.simulate("put", "k", "v"), f.simulate("del", "k"), f.simulate("add", "k")
	f.ledger.Commit(putter, deleter)
	require.Equal(t, peer.TxValidationCode_VALID, f.ledger.Commit(reader)[0], "a block later it is absent as before")
}

// TestForeignBookmark: a peer starts wherever the bookmark says.
func TestForeignBookmark(t *testing.T) {
	f := newFixture(t, basics())
	for _, k := range []string{"a", "b", "c"} {
		f.invoke("put", k, "v")
	}
	require.Equal(t, "a b next=c n=2", f.answer("page", "c", "d", "a"))
	require.Equal(t, " next= n=0", f.answer("page", "a", "b", "z"))
}

// TestSubmittedPage: a page is meant to be evaluated; submitted, it is a phantom
// unless it was the last.
func TestSubmittedPage(t *testing.T) {
	f := newFixture(t, basics())
	for _, k := range []string{"a", "b", "c"} {
		f.invoke("put", k, "v")
	}
	require.Equal(t, peer.TxValidationCode_PHANTOM_READ_CONFLICT, f.ledger.Commit(f.simulate("page", "", "", ""))[0])
	last := f.simulate("page", "", "", "c")
	require.Equal(t, peer.TxValidationCode_VALID, f.ledger.Commit(last)[0])
}

func TestConcurrentUse(t *testing.T) {
	f := newFixture(t, nil)
	ledger := stub.NewLedger("ch", "cc", script{
		"put": basics()["put"],
		"slow": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			before, err := s.GetState("k")
			if err != nil {
				return nil, err
			}
			return before, nil
		},
	})
	call := func(fn string, args ...string) stub.Call {
		return stub.Call{Identity: f.alice, Function: fn, Args: args}
	}
	_, err := ledger.Invoke(call("put", "k", "old"))
	require.NoError(t, err)
	done := make(chan error)
	for i := 0; i < 4; i++ {
		go func() {
			for j := 0; j < 50; j++ {
				if _, err := ledger.Evaluate(call("slow")); err != nil {
					done <- err
					return
				}
				if _, err := ledger.Invoke(call("put", fmt.Sprint("k", j), "v")); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := 0; i < 4; i++ {
		require.NoError(t, <-done)
	}
}

func TestNonDeterminism(t *testing.T) {
	calls := 0
	another := func() string {
		calls++
		return strconv.Itoa(calls)
	}
	for part, f := range (script{
		"writes": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return nil, s.PutState("k", []byte(another()))
		},
		"reads": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return s.GetState(another())
		},
		"range queries": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return keysOf(s.GetStateByRange(another(), ""))
		},
		"response": func(shim.ChaincodeStubInterface, []string) ([]byte, error) {
			return []byte(time.Now().Format(time.RFC3339Nano)), nil
		},
		"event": func(s shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return nil, s.SetEvent(another(), nil)
		},
	}) {
		fixture := newFixture(t, script{"f": f})
		_, err := fixture.ledger.Simulate(fixture.call("f"))
		require.ErrorIs(t, err, stub.ErrNonDeterministic, part)
		require.ErrorContains(t, err, part)
	}
}

// TestRepeat: more runs catch the order of a small map, a pause the wall clock.
func TestRepeat(t *testing.T) {
	small := map[string]bool{"a": true, "b": true}
	f := newFixture(t, script{
		"map": func(shim.ChaincodeStubInterface, []string) ([]byte, error) {
			for key := range small {
				return []byte(key), nil
			}
			return nil, nil
		},
		"clock": func(shim.ChaincodeStubInterface, []string) ([]byte, error) {
			return []byte(time.Now().Format(time.RFC3339)), nil
		},
	})
	f.ledger.Repeat(60, 0)
	_, err := f.ledger.Simulate(f.call("map"))
	require.ErrorIs(t, err, stub.ErrNonDeterministic)
	f.ledger.Repeat(0, 1100*time.Millisecond)
	_, err = f.ledger.Simulate(f.call("clock"))
	require.ErrorIs(t, err, stub.ErrNonDeterministic)
}

func TestUnits(t *testing.T) {
	admin, err := stub.NewIdentity("Org1MSP", "root", nil, "admin")
	require.NoError(t, err)
	require.Equal(t, "CN=root,OU=admin", admin.Subject())
	require.Equal(t, "CN=ca.Org1MSP", admin.Certificate().Issuer.String())
}

func TestHistory(t *testing.T) {
	f := newFixture(t, basics())
	f.ledger.SetTime(time.Unix(1000, 0))
	f.invoke("put", "k", "one")
	f.ledger.Advance(time.Minute)
	f.invoke("del", "k")
	require.Equal(t, time.Unix(1060, 0).Unix(), f.ledger.Now().Unix())
	_, err := f.ledger.Invoke(stub.Call{Identity: f.alice, Function: "put", Args: []string{"k", "two"}, Time: time.Unix(2000, 0)})
	require.NoError(t, err)
	require.Equal(t, "two false 2000; true 1060;one false 1000", f.answer("history", "k"))
	require.Empty(t, f.answer("history", "none"))
}

func TestEvents(t *testing.T) {
	f := newFixture(t, script{"f": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
		for _, name := range a {
			if err := s.SetEvent(name, []byte("payload")); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}})
	f.invoke("f", "first", "second")
	f.invoke("f")
	events := f.ledger.Events()
	require.Len(t, events, 1)
	require.Equal(t, "second", events[0].GetEventName())
	require.Equal(t, "cc", events[0].GetChaincodeId())
	_, err := f.ledger.Invoke(f.call("f", ""))
	require.ErrorContains(t, err, "needs a name")
}

func TestIdentityAndProposal(t *testing.T) {
	f := newFixture(t, script{"f": func(s shim.ChaincodeStubInterface, a []string) ([]byte, error) {
		id, err := cid.New(s)
		if err != nil {
			return nil, err
		}
		msp, err := id.GetMSPID()
		if err != nil {
			return nil, err
		}
		level, found, err := id.GetAttributeValue("level")
		if err != nil || !found {
			return nil, fmt.Errorf("attribute: %v %w", found, err)
		}
		certificate, err := id.GetX509Certificate()
		if err != nil {
			return nil, err
		}
		signed, err := s.GetSignedProposal()
		if err != nil {
			return nil, err
		}
		proposal, header, channel := &peer.Proposal{}, &common.Header{}, &common.ChannelHeader{}
		if err := errors.Join(proto.Unmarshal(signed.GetProposalBytes(), proposal), proto.Unmarshal(proposal.GetHeader(), header), proto.Unmarshal(header.GetChannelHeader(), channel)); err != nil {
			return nil, err
		}
		timestamp, err := s.GetTxTimestamp()
		if err != nil {
			return nil, err
		}
		transient, err := s.GetTransient()
		if err != nil {
			return nil, err
		}
		binding, err := s.GetBinding()
		if err != nil || len(binding) != 32 {
			return nil, fmt.Errorf("binding %x: %w", binding, err)
		}
		joined, err := s.GetArgsSlice()
		if err != nil {
			return nil, err
		}
		return []byte(fmt.Sprint(msp, " ", level, " ", certificate.Subject, " ", s.GetChannelID(), " ", channel.GetTxId() == s.GetTxID(), " ",
			channel.GetTimestamp().GetSeconds() == timestamp.GetSeconds(), " ", string(transient["t"]), " ", string(joined), " ",
			s.GetStringArgs(), len(s.GetArgs()), len(s.GetDecorations()), a)), nil
	}})
	call := f.call("f", "x", "y")
	call.Transient = map[string][]byte{"t": []byte("secret")}
	answer, err := f.ledger.Evaluate(call)
	require.NoError(t, err)
	require.Equal(t, "Org1MSP gold CN=alice,OU=client ch true true secret fxy [f x y] 3 0 [x y]", string(answer))
	require.Equal(t, "Org1MSP", f.alice.MSP())
	require.Equal(t, "CN=alice,OU=client", f.alice.Subject())
	require.Equal(t, f.alice.Subject(), f.alice.Certificate().Subject.String())
}
