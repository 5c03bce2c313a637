package listener_test

import (
	"context"
	"fmt"
	"log"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

// A party keeps the ledger's state in its own database and reads it there, also
// while no peer can be reached: docs/integrate.md.
func Example() {
	ctx := context.Background()
	connection, err := ledger.LoadConnection("insurer1.json")
	if err != nil {
		log.Fatal(err)
	}
	l, err := ledger.Dial(connection)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	db, err := sqlite.Open(ctx, "insurer1.db")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	// Called for every transaction, in the database transaction that applies it.
	handler := func(ctx context.Context, tx store.WorldTx, change listener.Change) error {
		event, err := change.Event()
		if err != nil {
			return nil // a later release's; the state has it all the same
		}
		for _, c := range event.Changes {
			fmt.Println(change.Transaction.Block, c.Document, c.Change, c.IDs)
		}
		return tx.SetValue(ctx, "last transaction", []byte(change.Transaction.TxID))
	}
	follower := listener.New(db, connection.Chaincode, listener.WithHandler(handler))
	go func() { log.Fatal(follower.Follow(ctx, l)) }()

	height, err := l.Height(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := follower.Await(ctx, height-1); err != nil {
		log.Fatal(err)
	}
	for party, err := range listener.Parties(ctx, db) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(party.ID, party.Role, party.Status, party.MSP)
	}
}
