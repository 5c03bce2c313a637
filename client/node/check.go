package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
)

// These functions look at what a configuration names as Run would, and change
// nothing.

// CheckUnlock reads what opens the key files: that the passphrase file or the
// identity file is private, and what it should be.
func (c *Config) CheckUnlock() error {
	_, err := c.identities()
	return err
}

// CheckKeys opens the party's key file, and answers whose keys they are.
func (c *Config) CheckKeys() (record.PartyID, error) {
	keys, err := c.partyKeys()
	if err != nil {
		return record.PartyID{}, err
	}
	return keys.ID(), nil
}

// CheckMaster opens the file of the master key.
func (c *Config) CheckMaster() error {
	_, err := c.masterKey()
	return err
}

// CheckParty asks the ledger whether it knows a party by this configuration's
// role and Fabric identity.
func (c *Config) CheckParty(ctx context.Context, id record.PartyID) error {
	role, err := c.role()
	if err != nil {
		return err
	}
	l, who, err := c.dial()
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	chain, err := client.OpenChain(ctx, l)
	if err != nil {
		return err
	}
	me, err := chain.Party(ctx, id)
	if errors.Is(err, record.ErrPartyUnknown) || errors.Is(err, record.ErrUnknownCaller) {
		return fmt.Errorf("%w: the ledger does not know %s: enrol this node first", ErrConfig, id)
	}
	if err != nil {
		return err
	}
	return who.is(me, role)
}

// is says why a party of the ledger is not the one of this certificate.
func (who certified) is(me *record.Party, role record.Role) error {
	switch {
	case me.Role != role:
		return fmt.Errorf("%w: role: the ledger knows %s as %s", ErrConfig, me.ID, me.Role)
	case me.MSP != who.msp || me.Subject != who.subject:
		return fmt.Errorf("%w: connection: the ledger binds %s to %q of %s, the certificate is %q of %s", ErrConfig, me.ID, me.Subject, me.MSP, who.subject, who.msp)
	}
	return nil
}

// CheckDirectory reads a directory's file, with those that it names, and answers
// how many nodes it lists.
func CheckDirectory(path string) (int, error) {
	d, err := openDirectory(path, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	return len(d.parties), nil
}

// CheckAddress listens on an address for a moment.
func CheckAddress(address string) error {
	on, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return on.Close()
}
