package contract_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
)

// provoked notes which refusals the tests have seen.
var refusals sync.Map

func provoked(function string, code record.Code) {
	refusals.Store(function+" "+string(code), true)
	refusals.Store(string(code), true)
}

// TestMain fails a full run that leaves a documented refusal unprovoked.
func TestMain(m *testing.M) {
	status := m.Run()
	if status == 0 && fullRun() {
		for _, t := range record.Transactions() {
			for _, refusal := range t.Refuses {
				if _, seen := refusals.Load(t.Name + " " + string(refusal.Code)); !seen {
					fmt.Printf("%s never answered %s\n", t.Name, refusal.Code)
					status = 1
				}
			}
		}
		for _, refusal := range record.Codes() {
			if _, seen := refusals.Load(string(refusal.Code)); !seen {
				fmt.Printf("nothing ever answered %s\n", refusal.Code)
				status = 1
			}
		}
	}
	os.Exit(status)
}

// fullRun tells a run of all tests from one of a few.
func fullRun() bool {
	for _, arg := range os.Args {
		for _, flag := range []string{"-test.run=", "-test.fuzz=", "-test.bench=", "-test.list="} {
			if strings.HasPrefix(arg, flag) && arg != flag && arg != "-test.run=." {
				return false
			}
		}
	}
	return true
}
