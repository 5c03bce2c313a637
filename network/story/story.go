package story

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/network/dataset"
	"github.com/claimshare/claimshare/network/launch"
)

// Watch says what is told, and to whom, while the story is played. Nil functions
// are not called.
type Watch struct {
	// LogLevel is what the nodes log: debug, info, warn or error; info when it
	// is empty.
	LogLevel string
	// Scene is called after each scene.
	Scene func(*Scene)
	// Secret is called with each secret as it is made: private keys, seeds, δ,
	// the messages of the paper's exchange. It is how a test knows what must
	// not be found anywhere afterwards.
	Secret func(name string, value []byte)
}

// Run plays the whole story on a network that nothing has been recorded on. It
// starts a node, which is a process, for each organisation, and ends them. What
// the nodes leave is in the folder [Parties] of the network's directory, and what
// the wallets leave in [Wallets].
//
// It returns the scenes played so far also with an error. The error is
// [ErrStory] when the system did what it should not have.
func Run(ctx context.Context, network *launch.Network, watch Watch) (*Report, error) {
	data, err := dataset.Load()
	if err != nil {
		return nil, err
	}
	cast, err := assemble(network)
	if err != nil {
		return nil, err
	}
	cast.secret = func(name string, value []byte) {
		if watch.Secret != nil {
			watch.Secret(name, value)
		}
	}
	t := &tale{cast: cast, data: data, logLevel: watch.LogLevel}
	report := &Report{Profile: network.Topology().Profile}
	started := time.Now()
	for i, part := range t.scenes() {
		s := &Scene{Number: i + 1, Name: part.name, Title: part.title, Summary: part.summary}
		began := time.Now()
		if err = cast.catchUp(ctx); err == nil {
			err = part.play(ctx, s)
		}
		s.Seconds = seconds(time.Since(began))
		report.Scenes = append(report.Scenes, s)
		if watch.Scene != nil {
			watch.Scene(s)
		}
		if err != nil {
			err = fmt.Errorf("scene %d, %s: %w", s.Number, s.Name, err)
			break
		}
	}
	report.Seconds = seconds(time.Since(started))
	if err != nil {
		report.Error = err.Error()
	}
	return report, errors.Join(err, cast.close(context.WithoutCancel(ctx)))
}

// tale is what the scenes tell each other.
type tale struct {
	*cast
	data     *dataset.Dataset
	logLevel string

	policies []issued // in the order of the data set
	repairs  []issued
	claim    *settled // the claim of the fourth scene
}

type part struct {
	name, title, summary string
	play                 func(context.Context, *Scene) error
}

func (t *tale) scenes() []part {
	return []part{
		{"join", "Joining under pseudo-identities",
			"The system manager checks who everybody is and hands out one-time codes, each good for a pseudo-identity, which says nothing to anybody else. On the ledger stand only those, each with a public key for signing and one for encryption.", t.join},
		{"policies", "Insurers issue policies",
			"Each policy is encrypted under its policyholder's key and stays in the insurer's own database. The policyholder reads it and signs; insurer and policyholder's signatures and a digest go to the ledger.", t.issuePolicies},
		{"repairs", "Repair shops record repairs",
			"The same for what was repaired, with photos. Neither side can read the other's records: an insurer does not see repairs, a shop does not see policies.", t.issueRepairs},
		{"claim", "A claim, with the policyholder's consent",
			"Records carry a label, such as repair/2026. The insurer asks; the policyholder consents to one label, one shop, three days. The system manager checks and approves. The proxy, which can read nothing, re-encrypts for this insurer. The insurer checks every signature and digest before it believes a word.", t.settleClaim},
		{"sharing", "Others may ask too",
			"A second repair shop reads what the first one did to the car; a new insurer reads an old policy at the former insurer. Each with its own consent.", t.shareMore},
		{"refusals", "What is not allowed is refused",
			"The same records, asked for wrongly. The insurers' nodes would not even ask: programs with their keys and certificates do. The proxy hands out nothing that it cannot check, and the ledger refuses on its own as well.", t.refuse},
		{"tampering", "Altered ciphertexts are noticed",
			"A sealed record has two parts: a small capsule, which the proxy works on, and the payload, which goes from the shop to the insurer. Somebody with access to the shop's database changes bytes of either.", t.tamper},
		{"policyholder", "The policyholder's view",
			"Who has seen my records? The wallet asks the ledger, through an insurer's or a shop's node. What one of them left out, another would show.", t.lookBack},
		{"tracing", "Who is behind a pseudo-identity",
			"Only the system manager can tell, with its key: for a court, say.", t.trace},
		{"credit", "Wrong signatures cost credit",
			"A shop signs records with forged owner's signatures and hands them to the system manager's node, which submits whatever issuers sign. None is stored; each attempt is a violation on the ledger with its evidence. The fourth expels.", t.loseCredit},
		{"endorsement", "Nobody bypasses the system manager",
			"A transaction is valid only with the signature of the system manager's peer, its endorsement. An insurer has its own peer sign instead. Fabric itself invalidates that.", t.bypass},
		{"paper-mode", "One claim exactly as in the paper",
			"For readers of the paper: its own re-encryption, C2' = C2^(x_i/x_n), with a re-encryption key made by three parties without sending a private key, as the paper does. Proxy and insurer together could still compute the owner's key; so it runs on keys made for this one relationship.", t.paperClaim},
	}
}
