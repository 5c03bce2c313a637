package node

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/serve/desk"
)

// ErrConfig is the error of a configuration that cannot work. Its text names
// the file and the field, and says what to do.
var ErrConfig = errors.New("node configuration")

// Who submits an issuer's batches.
const (
	SubmitDirect    = "direct"    // the issuer itself
	SubmitAuthority = "authority" // the system manager (Algorithm 1)
)

// Config is a node's configuration. File names in a configuration file may be
// relative to it.
type Config struct {
	// Name is what the node calls itself in logs, 1 to 63 bytes.
	Name string `yaml:"name"`
	// Role is authority, insurer, repair-shop or proxy.
	Role string `yaml:"role"`
	// Connection is the file that says how to reach Fabric, and as whom
	// (ledger.Connection).
	Connection string `yaml:"connection"`
	// Store is the party's database: an SQLite file, or the postgres:// or
	// postgresql:// URL of a PostgreSQL database.
	Store string `yaml:"store"`
	// Payloads is the folder of large payloads. It is needed with PostgreSQL;
	// with SQLite it is the store's name and ".payloads" unless it is set.
	Payloads string `yaml:"payloads,omitempty"`
	// Keys is the age-encrypted file of the party's keys.
	Keys string `yaml:"keys"`
	// Master is the age-encrypted file of the master key; the authority's only.
	Master string `yaml:"master,omitempty"`
	// PassphraseFile holds the passphrase of both on its first line.
	PassphraseFile string `yaml:"passphraseFile,omitempty"`
	// IdentityFile is an age identity file that opens both, in place of a
	// passphrase. It opens in no time; deriving a key from a passphrase takes a
	// second and 256 MiB of memory.
	IdentityFile string `yaml:"identityFile,omitempty"`
	// Submit is direct, the default, or authority; insurers and repair shops.
	Submit string `yaml:"submit,omitempty"`
	// Directory is the file that says where other parties' nodes are.
	Directory string `yaml:"directory"`
	// Parties is where other parties' nodes reach this one.
	Parties Listen `yaml:"parties"`
	// Wallets is where wallets reach this node; empty for none.
	Wallets WalletListen `yaml:"wallets,omitempty"`
	// Operator is the Unix socket for the organisation's own use.
	Operator string `yaml:"operator"`
	// Metrics is where a monitoring system reads how the node does; empty for
	// nowhere.
	Metrics MetricsListen `yaml:"metrics,omitempty"`
	// Log says what is logged, and how.
	Log Logging `yaml:"log,omitempty"`

	// environment has the variables that describe the connection.
	environment map[string]string
}

// Logging is what goes to standard error.
type Logging struct {
	Level  string `yaml:"level,omitempty"`  // debug, info (the default), warn or error
	Format string `yaml:"format,omitempty"` // json, the default, or text
}

// MetricsListen is the address for metrics and health. Who reaches it learns how
// much the node does, but nothing of records or persons.
type MetricsListen struct {
	Address string `yaml:"address,omitempty"` // host:port; empty for none
}

// Listen is an address to listen on.
type Listen struct {
	Address string `yaml:"address"` // host:port; port 0 for any
}

// WalletListen is an address with the certificate to show there, in PEM files.
type WalletListen struct {
	Address     string `yaml:"address,omitempty"`
	Certificate string `yaml:"certificate,omitempty"`
	Key         string `yaml:"key,omitempty"`
	// Enrolments is how many calls with one-time codes a second one address may
	// make in the long run, and up to a hundred times that at once; 0 for the
	// default, which a few policyholders behind one address do not reach. More
	// makes guessing a code that much quicker: it has 128 bits.
	Enrolments float64 `yaml:"enrolmentsPerSecond,omitempty"`
}

// limits are what wallets may cost.
func (w *WalletListen) limits() desk.Limits {
	l := desk.DefaultLimits
	if w.Enrolments > 0 {
		l.Codes = desk.Rate{PerSecond: w.Enrolments, Burst: int(math.Ceil(100 * w.Enrolments))}
	}
	return l
}

// complete fills in what is left out and follows from the rest.
func (c *Config) complete() {
	if c.Payloads == "" && c.Store != "" && !c.PostgreSQL() {
		c.Payloads = c.Store + ".payloads"
	}
	c.Log.Level, c.Log.Format = cmp.Or(c.Log.Level, "info"), cmp.Or(c.Log.Format, "json")
}

// Validate says what is missing or contradictory.
func (c *Config) Validate() error {
	role, err := c.role()
	if err != nil {
		return err
	}
	for _, field := range []struct{ name, value string }{
		{"name", c.Name}, {"connection", c.connectionSource()}, {"store", c.Store}, {"keys", c.Keys},
		{"directory", c.Directory}, {"parties.address", c.Parties.Address}, {"operator", c.Operator},
	} {
		if field.value == "" {
			return fmt.Errorf("%w: %s is missing", ErrConfig, field.name)
		}
	}
	if err := c.checkStore(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	isAuthority, issues := role == record.RoleAuthority, role == record.RoleInsurer || role == record.RoleRepairShop
	switch {
	case len(c.Name) > maxName:
		return fmt.Errorf("%w: name: %q has more than %d bytes", ErrConfig, c.Name, maxName)
	case (c.PassphraseFile == "") == (c.IdentityFile == ""):
		return fmt.Errorf("%w: name passphraseFile or identityFile, and not both", ErrConfig)
	case isAuthority != (c.Master != ""):
		return fmt.Errorf("%w: master is for the authority, which needs it", ErrConfig)
	case !issues && c.Submit != "":
		return fmt.Errorf("%w: submit is for insurers and repair shops", ErrConfig)
	case c.Submit != "" && c.Submit != SubmitDirect && c.Submit != SubmitAuthority:
		return fmt.Errorf("%w: submit is %s or %s, not %q", ErrConfig, SubmitDirect, SubmitAuthority, c.Submit)
	case (c.Wallets.Address == "") != (c.Wallets.Certificate == "") || (c.Wallets.Certificate == "") != (c.Wallets.Key == ""):
		return fmt.Errorf("%w: wallets needs address, certificate and key, or none of them", ErrConfig)
	case c.Wallets.Enrolments < 0 || c.Wallets.Enrolments > 1000:
		return fmt.Errorf("%w: wallets.enrolmentsPerSecond is 0 to 1000, not %v", ErrConfig, c.Wallets.Enrolments)
	case c.PostgreSQL() && c.Payloads == "":
		return fmt.Errorf("%w: payloads is missing: name a folder for large payloads, since the store is PostgreSQL", ErrConfig)
	case !slices.Contains([]string{"", "debug", "info", "warn", "error"}, c.Log.Level):
		return fmt.Errorf("%w: log.level is debug, info, warn or error, not %q", ErrConfig, c.Log.Level)
	case !slices.Contains([]string{"", "text", "json"}, c.Log.Format):
		return fmt.Errorf("%w: log.format is text or json, not %q", ErrConfig, c.Log.Format)
	case len(c.Operator) > maxSocketPath:
		return fmt.Errorf("%w: operator: the path of a Unix socket has at most %d bytes, %q has %d: choose a shorter one", ErrConfig, maxSocketPath, c.Operator, len(c.Operator))
	}
	return nil
}

// maxName is what fits into a pseudo-identity.
const maxName = 63

// maxSocketPath is what Linux admits.
const maxSocketPath = 107

func (c *Config) role() (record.Role, error) {
	role, err := record.ParseRole(c.Role)
	if err != nil || role == record.RolePolicyholder {
		return 0, fmt.Errorf("%w: role is authority, insurer, repair-shop or proxy, not %q", ErrConfig, c.Role)
	}
	return role, nil
}
