package client_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"strings"

	"filippo.io/age"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/pre"
)

// The system manager sets a new ledger up, once: docs/integrate.md.
func ExampleInitialise() {
	params, err := keyfile.ReadParameters("authority.params.json")
	if err != nil {
		log.Fatal(err)
	}
	connection, err := ledger.LoadConnection("authority.json")
	if err != nil {
		log.Fatal(err)
	}
	l, err := ledger.Dial(connection)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	chain, err := client.Initialise(context.Background(), l, params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the ledger is set up, parameters %x\n", chain.Parameters().ID())
}

// The system manager admits an insurer: docs/integrate.md. Here both are one
// program; in life the application goes from one to the other.
func ExampleAuthority_Register() {
	ctx := context.Background()
	passphrase, err := keyfile.ReadPrivate("passphrase")
	if err != nil {
		log.Fatal(err)
	}
	identity, err := age.NewScryptIdentity(strings.TrimSpace(string(passphrase)))
	if err != nil {
		log.Fatal(err)
	}
	secrets, err := keyfile.Open("authority.key", identity)
	if err != nil {
		log.Fatal(err)
	}
	connection, err := ledger.LoadConnection("authority.json")
	if err != nil {
		log.Fatal(err)
	}
	l, err := ledger.Dial(connection)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	chain, err := client.OpenChain(ctx, l)
	if err != nil {
		log.Fatal(err)
	}
	authority, err := client.NewAuthority(chain, secrets.System.Master)
	if err != nil {
		log.Fatal(err)
	}

	// The authority has checked who this is, and issues a pseudo-identity.
	pid, err := authority.Enrol(record.RoleInsurer, "Meridian Mutual, company 4711")
	if err != nil {
		log.Fatal(err)
	}

	// The insurer draws a seed, keeps it, and applies with its certificate.
	var seed [32]byte
	rand.Read(seed[:])
	if err := os.WriteFile("insurer1.seed", seed[:], 0o600); err != nil {
		log.Fatal(err)
	}
	keys, err := client.DeriveKeys(seed, pid, pre.ModeScoped)
	if err != nil {
		log.Fatal(err)
	}
	insurer, err := ledger.LoadConnection("insurer1.json")
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := insurer.Certificate()
	if err != nil {
		log.Fatal(err)
	}
	application, err := keys.Apply(chain.Parameters(), record.RoleInsurer, insurer.MSPID, certificate.Subject.String())
	if err != nil {
		log.Fatal(err)
	}

	// The authority puts it on the ledger.
	party, err := authority.Register(ctx, application)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("registered", party.ID, "as", pid)
}

// A member connects and lists the parties: docs/integrate.md.
func ExampleOpenChain() {
	connection, err := ledger.LoadConnection("insurer1.json")
	if err != nil {
		log.Fatal(err)
	}
	l, err := ledger.Dial(connection)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	ctx := context.Background()
	chain, err := client.OpenChain(ctx, l)
	if err != nil {
		log.Fatal(err)
	}
	parties, err := chain.Parties(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, parties: %d\n", chain.Parameters().SystemName(), len(parties))
	for _, party := range parties {
		fmt.Println(party.ID, party.Role, party.Status, party.MSP)
	}
}
