package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/claimshare/claimshare/client/audit"
	"github.com/claimshare/claimshare/client/ledger"
)

// AuditOptions are what can be chosen for an audit.
type AuditOptions struct {
	// Folder is where the copy of the ledger's state is made and removed again;
	// the system's folder for temporary files when empty.
	Folder   string
	Progress func(audit.Progress) // may be nil
	Found    func(audit.Finding)  // may be nil
}

// Audit compares the party's database with the ledger, beside a running node too.
// The errors are of what keeps it from comparing; see package audit.
func Audit(ctx context.Context, config *Config, o AuditOptions) (_ *audit.Report, err error) {
	keys, err := config.partyKeys()
	if err != nil {
		return nil, err
	}
	db, err := openStore(ctx, config, keys)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	database, ok := db.(audit.Database)
	if !ok {
		return nil, fmt.Errorf("%w: store: this database cannot be audited", ErrConfig)
	}
	connection, err := config.Fabric()
	if err != nil {
		return nil, err
	}
	l, err := ledger.Dial(connection)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	a, err := audit.New(ctx, audit.Config{
		Party: keys.ID(), Store: database, Chaincode: connection.Chaincode, Blocks: l,
		Folder: o.Folder, Progress: o.Progress, Found: o.Found,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return a.Run(ctx)
}
