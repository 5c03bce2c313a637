package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
)

// A submission tells the contract's refusals, Fabric's verdicts and an unknown
// outcome apart.
func Example() {
	connection, err := ledger.LoadConnection("insurer.json")
	if err != nil {
		log.Fatal(err)
	}
	l, err := ledger.Dial(connection)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	result, err := l.Submit(ctx, ledger.Call{
		Contract:    "records",
		Transaction: "SubmitRecords",
		Args:        []string{"sha-256 of the batch, in hex"},
		Transient:   map[string][]byte{"batch": []byte("...")},
	})
	var refusal *record.Error
	switch {
	case err == nil:
		fmt.Println("in block", result.Block)
	case errors.As(err, &refusal):
		fmt.Println("the contract refused:", refusal.Code)
	case errors.Is(err, ledger.ErrEndorsementPolicy):
		fmt.Println("too few organisations endorsed it")
	case errors.Is(err, ledger.ErrUndecided):
		fmt.Println("ask again:", result.TxID)
	default:
		fmt.Println(err)
	}
}

// The checkpoint is stored with the work that it stands for, so that a restart
// neither loses nor repeats an event.
func ExampleLedger_Events() {
	var l *ledger.Ledger
	var store struct{ at ledger.Checkpoint } // stands for a database
	for event, err := range l.Events(context.Background(), store.at) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Name, event.TxID)
		store.at = event.Checkpoint()
	}
}

func ExampleLedger_Recover() {
	var l *ledger.Ledger // dialled with a journal on disk
	settled, err := l.Recover(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range settled {
		fmt.Println(s.Entry.Reference, s.Result.Block, s.Err)
	}
}
