package contract_test

import (
	"encoding/json"
	"io"
	"log"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-contract-api-go/v2/metadata"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"github.com/xeipuuv/gojsonschema"
)

func TestManagers(t *testing.T) {
	for says, text := range map[string]string{
		"EOF":               ``,
		"unknown field":     `{"threshold":1,"agencies":[],"boss":1}`,
		"follows":           `{"threshold":1,"agencies":[{"msp":"M","subjects":["CN=a"]}]} {}`,
		"threshold must be": `{"threshold":2,"agencies":[{"msp":"M","subjects":["CN=a"]}]}`,
		"of agencies, 1":    `{"threshold":0,"agencies":[{"msp":"M","subjects":["CN=a"]}]}`,
		"of agencies, 2":    systemOf(3, "A", "B"),
		"at most 64":        systemOf(1, slices.Repeat([]string{"M"}, 65)...),
		"has one voice":     systemOf(1, "A", "B", "A"),
		"cannot unmarshal":  `{"threshold":-1,"agencies":[{"msp":"M","subjects":["CN=a"]}]}`,
		"printable ASCII":   systemOf(1, "Ä"),
		"1 to 1024 bytes":   `{"threshold":1,"agencies":[{"msp":"M","subjects":["CN=` + strings.Repeat("a", 1024) + `"]}]}`,
		"at least one":      `{"threshold":1,"agencies":[]}`,
		"at least one cert": `{"threshold":1,"agencies":[{"msp":"M","subjects":[]}]}`,
		"needs its msp":     `{"threshold":1,"agencies":[{"msp":"","subjects":["CN=a"]}]}`,
		"listed twice":      `{"threshold":1,"agencies":[{"msp":"M","subjects":["CN=a","CN=a"]}]}`,
		"invalid char":      `{1:2}`,
		"there once":        `{"threshold":2,"agencies":[{"msp":"M","subjects":["CN=a"]},{"msp":"N","subjects":["CN=a"]}],"threshold":1}`,
		"in lower case":     `{"threshold":2,"agencies":[{"msp":"M","subjects":["CN=a"]},{"msp":"N","subjects":["CN=a"]}],"Threshold":1}`,
		"name \"msp\"":      `{"threshold":1,"agencies":[{"msp":"M","subjects":["CN=a"],"msp":"N"}]}`,
		"is empty":          `{"threshold":1,"agencies":[{"msp":"M","subjects":[""]}]}`,
	} {
		_, err := contract.ParseManagers([]byte(text))
		require.ErrorContains(t, err, says)
	}
	for k := 1; k <= 3; k++ {
		_, err := contract.ParseManagers([]byte(systemOf(k, "A", "B", "C")))
		require.NoError(t, err)
	}
}

// TestMetadata: what the metadata says is what the contracts are.
func TestMetadata(t *testing.T) {
	a := newLedger(t)
	answer, err := a.ledger.Evaluate(a.call(a.visitor, "org.hyperledger.fabric:GetMetadata"))
	require.NoError(t, err)
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(metadata.GetJSONSchema()), gojsonschema.NewBytesLoader(answer))
	require.NoError(t, err)
	require.True(t, result.Valid(), result.Errors())

	var described struct {
		Contracts map[string]struct {
			Transactions []struct {
				Name       string
				Tag        []string
				Parameters []struct{ Name, Description string }
				Returns    struct{ Description string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(answer, &described))
	count := 0
	for name, c := range described.Contracts {
		for _, tx := range c.Transactions {
			count++
			require.NotEmpty(t, tx.Returns.Description)
			for _, p := range tx.Parameters {
				require.NotEmpty(t, p.Description, "%s:%s", name, tx.Name)
			}
			a.refused(record.ErrMalformed, a.visitor, name+":"+tx.Name, make([]string, len(tx.Parameters)+1)...)
		}
	}
	require.Len(t, record.Transactions(), count)
}

func TestUnknownTransactions(t *testing.T) {
	a := newAlliance(t)
	for _, name := range []string{"", "registry:", "registry:Nothing", "nothing:Party", "registry:GetName", "records:GetEvaluateTransactions", "org.hyperledger.fabric:Other", ":", "System"} {
		a.refused(record.ErrUnknownTransaction, a.manager, name)
	}
	// The first letter may be lower case, as the contract API has it.
	query[record.System](a, a.visitor, "registry:system")
	a.refused(record.ErrNotSystemManager, a.visitor, "registry:expel", "x", "y")
}

func TestInit(t *testing.T) {
	managers, err := contract.ParseManagers([]byte(`{"threshold":1,"agencies":[{"msp":"M","subjects":["CN=a"]}]}`))
	require.NoError(t, err)
	code, err := contract.New(managers)
	require.NoError(t, err)
	require.EqualValues(t, shim.OK, code.Init(nil).GetStatus())
}

// broken is a stub that panics, or whose ledger fails.
type broken struct {
	shim.ChaincodeStubInterface
	panics bool
}

// errGarbled is a failure whose text is not UTF-8: the shim could not send it.
const errGarbled = shimError("disk on \xff\xfe")

func (b broken) GetState(string) ([]byte, error) {
	if b.panics {
		panic("out of order")
	}
	return nil, errGarbled
}

type shimError string

func (e shimError) Error() string { return string(e) }

// breaking drives the chaincode with broken stubs.
type breaking struct {
	shim.Chaincode
	panics bool
}

func (b breaking) Invoke(s shim.ChaincodeStubInterface) *peer.Response {
	return b.Chaincode.Invoke(broken{s, b.panics})
}

// TestPanicAndFailure: a panic is an answer, not the end of the process.
func TestPanicAndFailure(t *testing.T) {
	managers, err := contract.ParseManagers([]byte(`{"threshold":1,"agencies":[{"msp":"M","subjects":["CN=a"]}]}`))
	require.NoError(t, err)
	code, err := contract.New(managers)
	require.NoError(t, err)
	log.SetOutput(io.Discard) // the panic's stack
	defer log.SetOutput(os.Stderr)
	for _, panics := range []bool{true, false} {
		a := &consortium{t: t, ledger: stub.NewLedger(channel, chaincode, breaking{code, panics}), manager: newIdentity(t, "M", "a")}
		a.refused(record.ErrInternal, a.manager, record.TxSystem)
		_, err := a.ledger.Simulate(a.call(a.manager, record.TxSystem))
		require.True(t, utf8.ValidString(err.Error()))
	}
}

// TestPages: every paged query refuses the same nonsense and no bookmark leads
// out of its list.
func TestPages(t *testing.T) {
	a := newAlliance(t)
	a.recorded(a.shop, a.owner)
	a.recorded(a.shop, a.owner)
	leaks := query[record.Page[record.Record]](a, a.manager, record.TxRecordsByIssuer, a.shop.PID, "1", "").Bookmark
	require.NotEmpty(t, leaks)
	for _, tx := range record.Transactions() {
		if len(tx.Args) < 2 || tx.Args[len(tx.Args)-1].Name != record.ArgBookmark {
			continue
		}
		args := func(size, bookmark string) []string {
			switch len(tx.Args) {
			case 2:
				return []string{size, bookmark}
			default:
				id := a.owner.ID.String()
				if tx.Args[0].Name == record.ArgConsent {
					id = record.ConsentID{1}.String()
				}
				return []string{id, size, bookmark}
			}
		}
		for _, size := range []string{"0", "-1", "101", "x", "", "+5", "05"} {
			a.refused(record.ErrPage, a.manager, tx.Name, args(size, "")...)
		}
		if tx.Name == record.TxRecordHistory {
			continue // its bookmarks are digests
		}
		for _, bookmark := range []string{"!", "AA", leaks} {
			a.refused(record.ErrPage, a.manager, tx.Name, args("5", bookmark)...)
		}
		page := query[record.Page[json.RawMessage]](a, a.manager, tx.Name, args("100", "")...)
		require.NotNil(t, page.Items, tx.Name)
		if len(tx.Args) == 3 && tx.Args[0].Name == record.ArgParty {
			a.refused(record.ErrMalformed, a.manager, tx.Name, "nobody", "5", "")
		}
	}
}

// TestStateIsSelfDescribing: every value is a document or an index mark, every
// key is short and UTF-8, and nothing on the ledger is JSON or a pseudo-identity
// outside its party.
func TestStateIsSelfDescribing(t *testing.T) {
	a := newAlliance(t)
	c := a.released()
	a.submit(a.shop, alliance.Spoiled(a.entry(a.shop, a.owner)))
	a.mustInvoke(a.shop.identity, record.TxRevoke, a.revokeArgs(c.grant.Consent, a.owner)...)
	a.propose(a.manager, a.proposal(record.ActionExpel, a.rival))
	kinds := map[record.DocumentType]int{}
	for _, w := range a.ledger.State() {
		require.LessOrEqual(t, len(w.Key), 128)
		if reflect.DeepEqual(w.Value, []byte{0}) {
			require.Equal(t, byte(0), w.Key[0], "only composite keys are marks")
			continue
		}
		d, err := record.DecodeDocument(w.Value)
		require.NoError(t, err, "%q", w.Key)
		require.Equal(t, w.Value, d.Encode())
		kinds[d.DocumentType()]++
		if d.DocumentType() != record.DocumentParty {
			require.NotContains(t, string(w.Value), a.owner.PID)
		}
	}
	for kind := record.DocumentSystem; kind <= record.DocumentApproval; kind++ {
		want := kind != record.DocumentRequest
		require.Equal(t, want, kinds[kind] > 0, kind)
	}
}
