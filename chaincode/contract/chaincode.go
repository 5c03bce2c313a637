package contract

import (
	"encoding/json"
	"fmt"
	"log"
	"runtime/debug"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/go-openapi/spec"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"github.com/hyperledger/fabric-contract-api-go/v2/metadata"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// Version is the version of the contracts in the chaincode's metadata.
const Version = "1.0.0"

// Chaincode routes calls to the contracts. A panic in one of them is answered
// as an error: it would otherwise end the chaincode's process.
type Chaincode struct {
	contracts shim.Chaincode
	metadata  []byte
}

// New makes the chaincode for the given system managers.
func New(managers *Managers) (*Chaincode, error) {
	transactions := map[string]record.Transaction{}
	for _, t := range record.Transactions() {
		transactions[t.Name] = t
	}
	base := func(name string) contract {
		c := contract{}
		c.Name = name
		c.Info = metadata.InfoMetadata{Title: name, Description: descriptions[name], Version: Version}
		c.TransactionContextHandler = new(Context)
		c.BeforeTransaction = func(ctx *Context) error { return ctx.begin(managers, transactions) }
		return c
	}
	contracts, err := contractapi.NewChaincode(
		&registry{base("registry")},
		&records{base("records")},
		&consents{base("consents")},
		&credit{base("credit")},
	)
	if err != nil {
		return nil, fmt.Errorf("contracts: %w", err)
	}
	description, err := json.Marshal(describe())
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return &Chaincode{contracts: contracts, metadata: description}, nil
}

var descriptions = map[string]string{
	"registry": "Who takes part, with which keys and in what standing.",
	"records":  "What was issued to whom: digests and both signatures of every record.",
	"consents": "Who may read what, who has read it, and what they said about it.",
	"credit":   "What wrong signatures and tampered deliveries have cost.",
}

// contract is what the four contracts share.
type contract struct{ contractapi.Contract }

// GetEvaluateTransactions marks the queries in the metadata.
func (c *contract) GetEvaluateTransactions() []string {
	var queries []string
	for _, t := range record.Transactions() {
		if name, found := strings.CutPrefix(t.Name, c.Name+":"); found && t.Query {
			queries = append(queries, name)
		}
	}
	return queries
}

// Init does nothing: registry:InitSystem sets the system up.
func (c *Chaincode) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

// Invoke runs one transaction.
func (c *Chaincode) Invoke(stub shim.ChaincodeStubInterface) (response *peer.Response) {
	defer func() {
		if cause := recover(); cause != nil {
			log.Printf("transaction %s: panic: %v\n%s", stub.GetTxID(), cause, debug.Stack())
			response = shim.Error(record.ErrInternal.With("the chaincode panicked").Error())
		}
	}()
	if name, _ := stub.GetFunctionAndParameters(); name == contractapi.SystemContractName+":GetMetadata" {
		return shim.Success(c.metadata)
	}
	response = c.contracts.Invoke(stub)
	if response.GetStatus() < shim.ERRORTHRESHOLD {
		return response
	}
	// The peer's protocol takes only UTF-8: the shim would panic at anything else,
	// out of reach of the recovery above.
	message := strings.ToValidUTF8(response.GetMessage(), "\uFFFD")
	response.Message = message
	refusal, coded := record.ParseError(message)
	if !coded || !strings.HasPrefix(message, string(refusal.Code)) {
		// The contract API itself refuses only names that it does not know.
		return shim.Error(record.ErrUnknownTransaction.With("%q", message).Error())
	}
	return response
}

// describe makes the metadata, with the names and descriptions that reflection
// cannot know.
func describe() metadata.ContractChaincodeMetadata {
	all := metadata.ContractChaincodeMetadata{
		Info:      &metadata.InfoMetadata{Title: "ClaimShare", Version: Version, Description: "Sharing of motor insurance policies and repair records by consent.", License: &metadata.LicenseMetadata{Name: "Apache-2.0"}},
		Contracts: map[string]metadata.ContractMetadata{},
	}
	text := func() *spec.Schema { return spec.StringProperty() }
	for _, t := range record.Transactions() {
		name, transaction, _ := strings.Cut(t.Name, ":")
		contract := all.Contracts[name]
		contract.Name = name
		contract.Default = name == "registry"
		contract.Info = &metadata.InfoMetadata{Title: name, Description: descriptions[name], Version: Version}
		described := metadata.TransactionMetadata{Name: transaction, Tag: []string{"submit", "SUBMIT"}}
		if t.Query {
			described.Tag = []string{"evaluate", "EVALUATE"}
		}
		for _, argument := range t.Args {
			described.Parameters = append(described.Parameters, metadata.ParameterMetadata{
				Name: argument.Name, Description: argument.Doc, Schema: text(),
			})
		}
		described.Returns.Schema = text()
		described.Returns.Schema.Description = t.Doc + " Caller: " + t.Caller + ". Answer, as JSON: " + t.Answer + "."
		contract.Transactions = append(contract.Transactions, described)
		all.Contracts[name] = contract
	}
	return all
}
