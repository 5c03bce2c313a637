package contract

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// Context is one transaction: its time, its caller and the documents it reads
// and writes. A transaction sees the state before it, never its own writes.
type Context struct {
	contractapi.TransactionContext

	managers *Managers
	now      int64
	tx       record.TxID
	caller   caller
	setUp    *record.System // nil until the system is initialised
	changes  []record.Change
}

// caller is who signed the transaction proposal.
type caller struct {
	msp, subject string
	manager      bool
	party        *record.Party // nil when the certificate belongs to no party
}

func internal(operation string, err error) error {
	return record.ErrInternal.With("%s: %v", operation, err)
}

// begin runs before every transaction: it loads what all need and refuses
// callers that the table of transactions does not admit.
func (c *Context) begin(managers *Managers, transactions map[string]record.Transaction) error {
	name, arguments := c.GetStub().GetFunctionAndParameters()
	transaction, listed := transactions[canonicalName(name)]
	if !listed {
		return record.ErrUnknownTransaction.With("there is no transaction %q", name)
	}
	if len(arguments) != len(transaction.Args) {
		return record.ErrMalformed.With("%s takes %d arguments, not %d", transaction.Name, len(transaction.Args), len(arguments))
	}
	c.managers = managers
	timestamp, err := c.GetStub().GetTxTimestamp()
	if err != nil {
		return internal("transaction time", err)
	}
	c.now = timestamp.GetSeconds()
	if c.now <= 0 || c.now > record.MaxTime {
		return record.ErrMalformed.With("the transaction is stamped %d, not a time between 1970 and 9999", c.now)
	}
	if c.tx, err = record.ParseTxID(c.GetStub().GetTxID()); err != nil {
		return err
	}
	if c.setUp, err = load(c, record.SystemKey, record.DecodeSystem); err != nil {
		return err
	}
	if c.setUp == nil && transaction.Name != record.TxInitSystem {
		return record.ErrNotInitialised.With("this chaincode has not been set up")
	}
	if err := c.checkDirect(transaction); err != nil {
		return err
	}
	if transaction.Caller == record.CallerAnyone {
		return nil
	}
	if err := c.identify(); err != nil {
		return err
	}
	return c.admit(transaction.Caller)
}

// canonicalName makes the first letter of the transaction upper case, as the
// contract API does when it looks for it.
func canonicalName(name string) string {
	at := strings.LastIndex(name, ":") + 1
	r, size := utf8.DecodeRuneInString(name[at:])
	return name[:at] + string(unicode.ToUpper(r)) + name[at+size:]
}

func (c *Context) identify() error {
	id, err := cid.New(c.GetStub())
	if err != nil {
		return record.ErrUnknownCaller.With("the caller has no X.509 certificate")
	}
	certificate, err := id.GetX509Certificate()
	if err != nil || certificate == nil {
		return record.ErrUnknownCaller.With("the caller has no X.509 certificate")
	}
	if c.caller.msp, err = id.GetMSPID(); err != nil {
		return internal("caller's MSP", err)
	}
	c.caller.subject = certificate.Subject.String()
	c.caller.manager = c.managers.include(c.caller.msp, c.caller.subject)
	link, err := load(c, callerKey(c.caller.msp, c.caller.subject), record.DecodeLink)
	if err != nil || link == nil {
		return err
	}
	c.caller.party, err = c.party(link.Party)
	return err
}

func (c *Context) admit(allowed string) error {
	party := c.caller.party
	switch {
	case managersOnly(allowed) && !c.caller.manager:
		return record.ErrNotSystemManager.With("%s of %s is not a system manager", c.caller.subject, c.caller.msp)
	case allowed == record.CallerAlone && c.managers.threshold > 1:
		return record.ErrDecisionNeeded.With("this takes %d agencies", c.managers.threshold)
	case c.caller.manager && admitsManager(allowed):
		return nil
	case party == nil:
		return record.ErrUnknownCaller.With("%s of %s is not registered", c.caller.subject, c.caller.msp)
	case allowed == record.CallerReader:
		return nil
	case allowed == record.CallerErase:
		return requireRole(party, record.RoleInsurer, record.RoleRepairShop)
	}
	if err := active(party); err != nil {
		return err
	}
	switch allowed {
	case record.CallerIssuer, record.CallerRequest, record.CallerReceive:
		return requireRole(party, record.RoleInsurer, record.RoleRepairShop)
	case record.CallerProxy:
		return requireRole(party, record.RoleProxy)
	case record.CallerMember:
		return nil
	}
	return record.ErrForbidden.With("nobody may call this")
}

func managersOnly(allowed string) bool {
	return allowed == record.CallerManager || allowed == record.CallerAlone
}

func admitsManager(allowed string) bool {
	switch allowed {
	case record.CallerManager, record.CallerAlone, record.CallerMember, record.CallerReader, record.CallerIssuer:
		return true
	}
	return false
}

func requireRole(party *record.Party, roles ...record.Role) error {
	for _, role := range roles {
		if party.Role == role {
			return nil
		}
	}
	return record.ErrForbidden.With("party %s is of role %s", party.ID, party.Role)
}

func active(party *record.Party) error {
	switch party.Status {
	case record.StatusSuspended:
		return record.ErrSuspended.With("party %s is suspended", party.ID)
	case record.StatusExpelled:
		return record.ErrExpelled.With("party %s is expelled", party.ID)
	}
	return nil
}

// load reads the document under a key, nil when there is none.
func load[T any](c *Context, key string, decode func([]byte) (*T, error)) (*T, error) {
	value, err := c.GetStub().GetState(key)
	if err != nil {
		return nil, internal("read", err)
	}
	return decodeState(key, value, decode)
}

func decodeState[T any](key string, value []byte, decode func([]byte) (*T, error)) (*T, error) {
	if len(value) == 0 {
		return nil, nil
	}
	document, err := decode(value)
	if err != nil {
		return nil, internal("document "+key, err)
	}
	return document, nil
}

// loadAll reads the documents under several keys at once, nil where there is
// none.
func loadAll[T any](c *Context, keys []string, decode func([]byte) (*T, error)) ([]*T, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	values, err := c.GetStub().GetMultipleStates(keys...)
	if err != nil {
		return nil, internal("read", err)
	}
	documents := make([]*T, len(keys))
	for i, value := range values {
		if documents[i], err = decodeState(keys[i], value, decode); err != nil {
			return nil, err
		}
	}
	return documents, nil
}

func (c *Context) put(key string, document record.Document) error {
	if err := c.GetStub().PutState(key, document.Encode()); err != nil {
		return internal("write", err)
	}
	return nil
}

// party loads a party that must exist.
func (c *Context) party(id record.PartyID) (*record.Party, error) {
	party, err := load(c, record.PartyKey(id), record.DecodeParty)
	if err == nil && party == nil {
		err = record.ErrPartyUnknown.With("there is no party %s", id)
	}
	return party, err
}

// namedParty loads the party that an argument names by id or pseudo-identity.
func (c *Context) namedParty(argument string) (*record.Party, error) {
	id, err := partyArgument(argument)
	if err != nil {
		return nil, err
	}
	return c.party(id)
}

func partyArgument(argument string) (record.PartyID, error) {
	if len(argument) == 139 {
		return record.NewPartyID(argument), nil
	}
	return record.ParsePartyID(argument)
}

// changed adds to the event of this transaction.
func (c *Context) changed(document record.DocumentType, change string, ids ...string) {
	for i := range c.changes {
		if c.changes[i].Document == document.String() && c.changes[i].Change == change {
			c.changes[i].IDs = append(c.changes[i].IDs, ids...)
			return
		}
	}
	c.changes = append(c.changes, record.Change{Document: document.String(), Change: change, IDs: ids})
}

// done sets the event, when there were changes, and encodes the answer.
func (c *Context) done(answer any) (string, error) {
	if len(c.changes) > 0 {
		payload, err := json.Marshal(record.Event{Version: record.EventVersion, Changes: c.changes})
		if err != nil {
			return "", internal("event", err)
		}
		if err := c.GetStub().SetEvent(record.EventName, payload); err != nil {
			return "", internal("event", err)
		}
	}
	encoded, err := json.Marshal(answer)
	if err != nil {
		return "", internal("answer", err)
	}
	return string(encoded), nil
}

// checkDirect refuses what changes the ledger when it comes through another
// chaincode: the caller has signed a call of that one, and may not know what it
// does in the caller's name.
func (c *Context) checkDirect(transaction record.Transaction) error {
	if transaction.Query || c.setUp == nil {
		return nil
	}
	name, err := c.chaincodeName()
	if err == nil && name != c.setUp.Chaincode {
		err = record.ErrIndirect.With("%s was called by chaincode %q", transaction.Name, name)
	}
	return err
}

// chaincodeName is the name of the chaincode that the caller called: this one's
// unless another passed the call on.
func (c *Context) chaincodeName() (string, error) {
	signed, err := c.GetStub().GetSignedProposal()
	if err != nil {
		return "", internal("signed proposal", err)
	}
	proposal, header, channel := new(peer.Proposal), new(common.Header), new(common.ChannelHeader)
	extension := new(peer.ChaincodeHeaderExtension)
	for _, step := range []struct {
		from func() []byte
		to   proto.Message
	}{
		{signed.GetProposalBytes, proposal},
		{proposal.GetHeader, header},
		{header.GetChannelHeader, channel},
		{channel.GetExtension, extension},
	} {
		if err := proto.Unmarshal(step.from(), step.to); err != nil {
			return "", internal("signed proposal", err)
		}
	}
	if extension.GetChaincodeId().GetName() == "" {
		return "", internal("signed proposal", errors.New("it names no chaincode"))
	}
	return extension.GetChaincodeId().GetName(), nil
}

// inWindow checks the time of a statement against the transaction's.
func (c *Context) inWindow(name string, t int64) error {
	if t < c.now-int64(c.setUp.RecordWindow) || t > c.now+int64(c.setUp.ClockSkew) {
		return record.ErrTime.With("%s is dated %s, the transaction %s", name, record.FormatTime(t), record.FormatTime(c.now))
	}
	return nil
}
