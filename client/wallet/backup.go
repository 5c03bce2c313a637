package wallet

import (
	"errors"
	"fmt"
	"os"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Backup is a sheet to print: what no node could tell again, which is the
// pseudo-identity, the seeds of the keys and which deployment they are for. It is
// text, with the system manager's address beside it. Whoever has it has the
// wallet.
//
// Not on it, and fetched from the nodes by a restored wallet: the directory, the
// parameters, and δ of each policy, which stands in the policy. Lost are consents
// that were signed and had not reached system manager and proxy: [Wallet.Status]
// lists them as not approved, to be revoked and granted again. A sheet from
// before a rotation of keys has not got the new key.
func (w *Wallet) Backup() (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.c.Next != nil {
		return "", errors.New("wallet: a rotation of keys is on its way: finish it first, then make the backup")
	}
	s := &sheet{paramsID: w.c.Network.ParamsID, manager: w.c.Network.Manager, channel: w.c.Network.Channel,
		chaincode: w.c.Network.Chaincode, pid: w.c.PID, seeds: w.c.Keys}
	return s.text(w.c.Network.Nodes[0])
}

// Restore makes a wallet of a backup in a new file. It reaches no node: the next
// call that needs one fetches what the sheet has not got. Address and authority
// (PEM) are those of the system manager's node; empty, they come from the sheet.
// It answers [ErrSheet] and fs.ErrExist.
func Restore(path string, lock Lock, text, address string, authority []byte) (*Wallet, error) {
	s, manager, err := parseSheet(text)
	if err != nil {
		return nil, err
	}
	if address != "" {
		manager.Address = address
	}
	if len(authority) > 0 {
		manager.Authority = string(authority)
	}
	if manager.Address == "" || manager.Authority == "" {
		return nil, fmt.Errorf("%w: it does not say where the system manager's node is", ErrDirectory)
	}
	if _, err := manager.transport(); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("restore %s: %w", path, os.ErrExist)
	}
	manager.Party, manager.Role, manager.Name = s.manager, record.RoleAuthority.String(), manager.Address
	c := &contents{
		Format: format, Created: now(), PID: s.pid, Keys: s.seeds, Behind: len(s.seeds) > 1,
		Network: network{ParamsID: s.paramsID, Channel: s.channel, Chaincode: s.chaincode, Manager: s.manager, Nodes: []Node{manager}},
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSheet, err)
	}
	f, err := createFile(path, lock, c)
	if err != nil {
		return nil, err
	}
	return newWallet(f, c)
}
