package wallet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// contents is what a wallet's file holds. It is JSON inside age.
type contents struct {
	Format  string        `json:"format"`
	Created time.Time     `json:"created"`
	PID     pseudonym.PID `json:"pid"`
	Network network       `json:"network"`

	// Keys are the seeds of the key versions, from version 1 on; the last is
	// the present one. Next is that of a rotation on its way, and NextCode its
	// code, empty when that was refused.
	Keys     []secret `json:"keys"`
	Next     *secret  `json:"next,omitempty"`
	NextCode string   `json:"nextCode,omitempty"`
	// RotatedWith is the hash of the code of the last rotation: asked for again
	// with it, because its answer was lost, it is done.
	RotatedWith *record.Digest `json:"rotatedWith,omitempty"`
	// Behind: records may not have been brought along to the present key.
	Behind bool `json:"behind,omitempty"`

	// Enrolment is there until the registration is known to be on the ledger.
	Enrolment *enrolment `json:"enrolment,omitempty"`
	// Evidence is δ of every policy that the wallet has read.
	Evidence map[record.RecordID]secret `json:"evidence,omitempty"`
	// Grants are consents of which a part may not have arrived yet.
	Grants []*underway `json:"grants,omitempty"`
}

// network is the deployment and the way to it.
type network struct {
	ParamsID   record.Digest  `json:"paramsId"`
	Parameters record.Hex     `json:"parameters,omitempty"` // nothing after a restore, until it was fetched
	Channel    string         `json:"channel"`
	Chaincode  string         `json:"chaincode"`
	Manager    record.PartyID `json:"manager"`
	Nodes      []Node         `json:"nodes"` // the manager's is the first
}

// Node says where a party's node listens for wallets.
type Node struct {
	Party     record.PartyID `json:"party"`
	Role      string         `json:"role"`
	Name      string         `json:"name"`
	Address   string         `json:"address"`   // host:port
	Authority string         `json:"authority"` // PEM: who issued its certificate
}

// enrolment is a registration on its way.
type enrolment struct {
	Code string `json:"code"`
}

// underway is a consent that was signed.
type underway struct {
	Statement record.Hex       `json:"statement"` // record.GrantStatement
	Signature record.Signature `json:"signature"`
	Evidence  *secret          `json:"evidence,omitempty"`
	Search    record.Hex       `json:"search"` // pre.Token
	Token     record.Hex       `json:"token"`  // pre.Token
}

func (u *underway) statement() (*record.GrantStatement, error) {
	return record.DecodeGrantStatement(u.Statement)
}

// secret is 32 bytes that nothing prints: a seed or δ.
type secret [32]byte

func (s secret) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(s[:])), nil }

func (s *secret) UnmarshalText(b []byte) error {
	if len(b) != 2*len(s) {
		return errors.New("a secret has 64 hexadecimal digits")
	}
	_, err := hex.Decode(s[:], b)
	return err
}

// Format hides the secret from every fmt verb.
func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(hidden)") }

// check says what makes the contents useless.
func (c *contents) check() error {
	if _, err := pseudonym.Parse(string(c.PID)); err != nil {
		return err
	}
	switch {
	case len(c.Keys) == 0:
		return errors.New("there is no key")
	case len(c.Network.Nodes) == 0:
		return errors.New("there is no node")
	}
	for _, u := range c.Grants {
		if _, err := u.statement(); err != nil {
			return err
		}
	}
	return nil
}

// parameters are the deployment's, which must be those of the identifier. It
// returns [client.ErrSystem].
func (n *network) parameters() (*pre.Parameters, error) {
	p, err := pre.ParseParameters(n.Parameters)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", client.ErrSystem, err)
	}
	if p.ID() != [32]byte(n.ParamsID) {
		return nil, fmt.Errorf("%w: the parameters are another system's", client.ErrSystem)
	}
	return p, nil
}

// node finds a party's node.
func (n *network) node(id record.PartyID) (Node, bool) {
	for _, node := range n.Nodes {
		if node.Party == id {
			return node, true
		}
	}
	return Node{}, false
}

// keys derives the keys of every version; the last ones are the present ones.
func (c *contents) keys() ([]*client.Keys, error) {
	var all []*client.Keys
	for _, seed := range c.Keys {
		k, err := client.DeriveKeys(seed, c.PID, pre.ModeScoped)
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

func (c *contents) drop(id record.ConsentID) {
	var rest []*underway
	for _, u := range c.Grants {
		if s, err := u.statement(); err == nil && s.Consent != id {
			rest = append(rest, u)
		}
	}
	c.Grants = rest
}
