package command

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store"
)

func (a *app) backup() *cobra.Command {
	var to string
	var sources func() node.Sources
	var recipients []string
	c := &cobra.Command{
		Use:   "backup",
		Short: "Make an encrypted backup of a node's database",
		Long: `Make a backup of a node's database with all payloads, as of one moment, while the
node runs. The file is encrypted with age: to what opens the node's keys, or to
the recipients that are named. The key files are not in it: keep copies of them,
of the configuration and of the certificates elsewhere.` + precedence,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&to, "to", "", "the new file")
	c.Flags().StringArrayVar(&recipients, "recipient", nil, "age recipient (age1...) that can open it; may be repeated")
	c.RunE = a.action(func(ctx context.Context, _ []string) error {
		loaded, err := sources().Load()
		if err != nil {
			return err
		}
		named, err := parseRecipients(recipients)
		if err != nil {
			return err
		}
		s, err := node.Backup(ctx, loaded, to, named...)
		if err != nil {
			return backupError(err)
		}
		return a.print(describeSnapshot(s))
	})
	c, sources = configured(c)
	return needed(c, "to FILE")
}

func (a *app) restore() *cobra.Command {
	var from, identity string
	var unproven bool
	var sources func() node.Sources
	c := &cobra.Command{
		Use:   "restore",
		Short: "Restore a node's database from a backup into an empty place",
		Long: `Restore a node's database from a backup, into a database that is empty or not there
yet: another engine than that of the backup will do. The node must not run.
Afterwards start it, and compare it with the ledger: "claimshare audit".` + precedence,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&from, "from", "", "the backup")
	c.Flags().StringVar(&identity, "identity", "", "age identity file that opens it (default: what opens the node's keys)")
	c.Flags().BoolVar(&unproven, "former-keys", false, "the party's keys were replaced since the backup: believe the file, which then proves nothing")
	c.RunE = a.action(func(ctx context.Context, _ []string) error {
		loaded, err := sources().Load()
		if err != nil {
			return err
		}
		var identities []age.Identity
		if identity != "" {
			if identities, err = readIdentities(identity); err != nil {
				return err
			}
		}
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		defer f.Close()
		fill := node.Restore
		if unproven {
			fill = node.RestoreUnproven
		}
		s, err := fill(ctx, loaded, f, identities...)
		if err != nil {
			return backupError(err)
		}
		return a.print(describeSnapshot(s))
	})
	c, sources = configured(c)
	return needed(c, "from FILE")
}

// backupError says what to do about a backup that cannot be made or restored.
func backupError(err error) error {
	switch {
	case errors.Is(err, store.ErrNotEmpty):
		return refuse(os.ErrExist, "name a new file, or an empty database, in the configuration's field store", "%w", err)
	case errors.Is(err, node.ErrRunning):
		return refuse(errNode, "stop the node first", "%w", err)
	case errors.Is(err, node.ErrBackup):
		return refuse(node.ErrBackup, "name the right file, the keys of the same party, and with --identity what opens it; if it is damaged, take another backup", "%w", err)
	}
	return err
}

func describeSnapshot(s *store.Snapshot) answer {
	var rows uint64
	for _, n := range s.Rows {
		rows += n
	}
	upTo, hash := "none", ""
	if s.World.Height > 0 {
		hash = hex.EncodeToString(s.World.Hash[:])
		upTo = fmt.Sprintf("%d (hash %s)", s.World.Height-1, hash)
	}
	a := answer{
		{"created", "made on", s.Created.UTC().Format(time.RFC3339)}, {"blocks", "", s.World.Height}, {"hash", "", hash},
		{"upTo", "up to block", upTo}, {"rows", "rows", rows}, {"payloads", "large payloads", s.Payloads}, {"payloadBytes", "their bytes", s.Bytes},
	}
	if s.Lost > 0 {
		a = append(a, field{"lost", "payloads that were lost before", s.Lost})
	}
	return a
}
