package consortium

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"filippo.io/age"
	"go.yaml.in/yaml/v3"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/node"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/network/supervise"
)

// enrolled is what the commands that enrol a node print.
type enrolled struct {
	Party string `json:"party"`
	PID   string `json:"pid"`
}

// setUp draws the master key and sets the deployment up, as its authority.
func (c *Consortium) setUp(ctx context.Context, n *Node) error {
	path := filepath.Join(n.Dir, "master.key")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := c.drawMaster(path, filepath.Join(n.Dir, "identity.txt")); err != nil {
			return fmt.Errorf("draw the master key: %w", err)
		}
	}
	return c.command(ctx, n, "setup")
}

func (c *Consortium) drawMaster(path, identityFile string) error {
	raw, err := os.ReadFile(identityFile)
	if err != nil {
		return err
	}
	identity, err := age.ParseX25519Identity(string(bytes.TrimSpace(raw)))
	if err != nil {
		return err
	}
	master, err := pre.GenerateMasterKey()
	if err != nil {
		return err
	}
	if c.options.Secret != nil {
		c.options.Secret("master key", master.Bytes())
		c.options.Secret("age identity", bytes.TrimSpace(raw))
	}
	return keyfile.Create(path, &keyfile.Contents{Created: time.Now(), System: &keyfile.System{Name: c.options.System, Master: master}}, identity.Recipient())
}

// enrol invites a party at the authority's node and enrols its node with the
// code.
func (c *Consortium) enrol(ctx context.Context, authority, n *Node) error {
	invited, err := authority.Ask.Invite(ctx, &nodev1.InviteRequest{Role: n.Role.String(), Identity: n.Title, Msp: n.MSP, LifetimeSeconds: int64(time.Hour.Seconds())})
	if err != nil {
		return err
	}
	code := filepath.Join(n.Dir, "code.txt")
	if err := os.WriteFile(code, []byte(invited.Code+"\n"), 0o600); err != nil {
		return err
	}
	err = c.command(ctx, n, "enrol", "--authority", authority.Wallets, "--ca", authority.Server.Authority, "--code-file", code)
	return errors.Join(err, os.Remove(code))
}

// command runs "claimshare node NAME" for a node and takes over whose it is.
func (c *Consortium) command(ctx context.Context, n *Node, name string, args ...string) error {
	command := exec.CommandContext(ctx, c.program, append([]string{"node", name, "--config", n.Config, "--output", "json"}, args...)...)
	command.Env = environment()
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	if err := supervise.Run(command); err != nil {
		return fmt.Errorf("claimshare node %s: %w: %s", name, err, bytes.TrimSpace(errOut.Bytes()))
	}
	var e enrolled
	if err := json.Unmarshal(out.Bytes(), &e); err != nil {
		return fmt.Errorf("claimshare node %s: %w", name, err)
	}
	var err error
	n.PID = e.PID
	n.Party, err = record.ParsePartyID(e.Party)
	return err
}

// writeDirectory tells every node where the others are.
func (c *Consortium) writeDirectory() error {
	var list node.DirectoryFile
	for _, n := range c.nodes {
		if n.Party.IsZero() {
			continue
		}
		list.Nodes = append(list.Nodes, node.Address{
			Party: n.Party.String(), Role: n.Role.String(), Name: n.Title, Parties: n.Parties, Wallets: n.Wallets, Authority: n.Server.Authority,
		})
	}
	raw, err := yaml.Marshal(list)
	if err != nil {
		return fmt.Errorf("write the directory: %w", err)
	}
	path := filepath.Join(c.dir, "directory.yaml")
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Redirect tells every node that a party's node is at another address, which
// nobody has to believe: who answers there needs the party's certificate. Nodes
// notice within a second. With the node's own address it is as before.
func (c *Consortium) Redirect(n *Node, parties string) error {
	own := n.Parties
	n.Parties = parties
	err := c.writeDirectory()
	n.Parties = own
	return err
}
