package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/ledger"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// SetUp prepares the authority of a new deployment: it sets the ledger up with
// the parameters that follow from the master key, makes the authority's own
// keys and registers them. What is done already it leaves as it is, so it may be
// run again after any failure.
//
// It returns [ErrConfig], [client.ErrSystem] when the ledger was set up with
// another master key, and the chaincode's errors.
func SetUp(ctx context.Context, config *Config) (*record.Party, error) {
	contents, err := config.unlock(config.Master)
	if err != nil {
		return nil, err
	}
	if contents.System == nil {
		return nil, fmt.Errorf("%w: %s holds no master key", ErrConfig, config.Master)
	}
	system := contents.System
	params, err := pre.NewParameters(system.Name, system.Master.PublicKey())
	if err != nil {
		return nil, err
	}
	l, who, err := config.dial()
	if err != nil {
		return nil, err
	}
	defer l.Close()
	chain, err := client.OpenChain(ctx, l)
	if errors.Is(err, record.ErrNotInitialised) {
		chain, err = client.Initialise(ctx, l, params)
	}
	if err != nil {
		return nil, err
	}
	authority, err := client.NewAuthority(chain, system.Master)
	if err != nil {
		return nil, err
	}
	issue := func() (pseudonym.PID, error) { return authority.Enrol(record.RoleAuthority, config.Name) }
	keys, err := config.ensureKeys(issue)
	if err != nil {
		return nil, err
	}
	return registerOnce(ctx, chain, keys, record.RoleAuthority, who, func(r record.Registration) (*record.Party, error) {
		return authority.Register(ctx, r)
	})
}

// Enrol makes the keys of a party for the pseudo-identity that a one-time code
// stands for, and has the system manager register them. It may be run again
// with the same code after any failure. Desk is the system manager's enrolment
// service.
//
// It returns [ErrConfig], the refusals of the enrolment service, and the
// chaincode's errors.
func Enrol(ctx context.Context, config *Config, desk nodev1.EnrolmentServiceClient, code string) (*record.Party, error) {
	role, err := config.role()
	if err != nil {
		return nil, err
	}
	l, who, err := config.dial()
	if err != nil {
		return nil, err
	}
	defer l.Close()
	chain, err := client.OpenChain(ctx, l)
	if err != nil {
		return nil, err
	}
	keys, err := config.ensureKeys(func() (pseudonym.PID, error) {
		issued, err := desk.Enrol(ctx, &nodev1.EnrolRequest{Code: code})
		if err != nil {
			return "", fromDesk(err)
		}
		if issued.Role != role.String() {
			return "", fmt.Errorf("%w: role: the code is for a %s, the configuration says %s", ErrConfig, issued.Role, role)
		}
		if string(issued.Parameters) != string(chain.Parameters().Bytes()) {
			return "", fmt.Errorf("%w: the enrolment service is another deployment's", client.ErrSystem)
		}
		return pseudonym.PID(issued.Pid), nil
	})
	if err != nil {
		return nil, err
	}
	return registerOnce(ctx, chain, keys, role, who, func(r record.Registration) (*record.Party, error) {
		answer, err := desk.Register(ctx, &nodev1.RegisterRequest{Code: code, Registration: r.Encode()})
		if err != nil {
			return nil, fromDesk(err)
		}
		if err := chain.Await(ctx, answer.AsOf); err != nil {
			return nil, err
		}
		return chain.Party(ctx, keys.ID())
	})
}

// fromDesk is what the enrolment service answered, or that it did not.
func fromDesk(err error) error {
	if status.Code(err) == codes.Unavailable {
		return fmt.Errorf("the authority's node: %w: %s", refusal.ErrUnreachable, status.Convert(err).Message())
	}
	return fmt.Errorf("the authority's node: %w", refusal.FromStatus(err))
}

// certified is the Fabric identity of a connection.
type certified struct{ msp, subject string }

func (c *Config) dial() (*ledger.Ledger, certified, error) {
	connection, err := c.Fabric()
	if err != nil {
		return nil, certified{}, err
	}
	certificate, err := connection.Certificate()
	if err != nil {
		return nil, certified{}, err
	}
	l, err := ledger.Dial(connection)
	return l, certified{connection.MSPID, certificate.Subject.String()}, err
}

// registerOnce registers keys unless the ledger has them.
func registerOnce(ctx context.Context, chain *client.Chain, keys *client.Keys, role record.Role, who certified, register func(record.Registration) (*record.Party, error)) (*record.Party, error) {
	party, err := chain.Party(ctx, keys.ID())
	// The contract answers to registered callers only.
	if !errors.Is(err, record.ErrPartyUnknown) && !errors.Is(err, record.ErrUnknownCaller) {
		return party, err
	}
	registration, err := keys.Apply(chain.Parameters(), role, who.msp, who.subject)
	if err != nil {
		return nil, err
	}
	return register(registration)
}

// ensureKeys reads the party's key file, or makes it for the pseudo-identity
// that issue answers. The file is on disk before anything is registered.
func (c *Config) ensureKeys(issue func() (pseudonym.PID, error)) (*client.Keys, error) {
	if _, err := os.Lstat(c.Keys); err == nil {
		return c.partyKeys()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: keys: %w", ErrConfig, err)
	}
	pid, err := issue()
	if err != nil {
		return nil, err
	}
	fresh := &keyfile.Party{PID: string(pid)}
	if fresh.Encryption, err = pre.GenerateScopedKey(); err != nil {
		return nil, err
	}
	if fresh.Signing, err = bls.GenerateKey(); err != nil {
		return nil, err
	}
	recipients, err := c.recipients()
	if err != nil {
		return nil, err
	}
	if err := keyfile.Create(c.Keys, &keyfile.Contents{Created: time.Now(), Party: fresh}, recipients...); err != nil {
		return nil, fmt.Errorf("%w: keys: %w", ErrConfig, err)
	}
	return c.partyKeys()
}
