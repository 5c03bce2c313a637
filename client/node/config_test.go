package node

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

const whole = `name: northern
role: insurer
connection: connections/northern.json
store: northern.db
keys: northern.key
passphraseFile: passphrase
directory: directory.yaml
parties:
  address: 0.0.0.0:7051
operator: northern.sock
`

// configFile writes a configuration, and answers its folder and name.
func configFile(t *testing.T, text string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "node.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return dir, path
}

// given are flags as if they stood on a command line.
func given(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.String("config", "", "")
	AddFlags(flags)
	require.NoError(t, flags.Parse(args))
	return flags
}

func TestAFileAloneWithDefaults(t *testing.T) {
	dir, path := configFile(t, whole)
	c, err := Sources{File: path}.Load()
	require.NoError(t, err)
	require.Equal(t, &Config{
		Name: "northern", Role: "insurer", Connection: dir + "/connections/northern.json", Store: dir + "/northern.db",
		Payloads: dir + "/northern.db.payloads", Keys: dir + "/northern.key", PassphraseFile: dir + "/passphrase",
		Directory: dir + "/directory.yaml", Parties: Listen{"0.0.0.0:7051"}, Operator: dir + "/northern.sock",
		Log: Logging{"info", "json"}, environment: map[string]string{},
	}, c)
}

// Every field has the same precedence.
func TestFlagBeforeEnvironmentBeforeFile(t *testing.T) {
	texts := func(source string) map[string]string {
		all := map[string]string{}
		for _, f := range fields {
			all[f.Path] = "/" + source + "-" + f.Flag()
			if f.number {
				all[f.Path] = map[string]string{"file": "1.5", "environment": "2.5", "flag": "3.5"}[source]
			}
		}
		return all
	}
	var file strings.Builder
	group := ""
	for _, f := range fields {
		name := f.Path
		if above, below, is := strings.Cut(f.Path, "."); is {
			if above != group {
				file.WriteString(above + ":\n")
				group = above
			}
			name = "  " + below
		}
		if f.Path != "identityFile" { // it excludes passphraseFile
			file.WriteString(name + ": " + texts("file")[f.Path] + "\n")
		}
	}
	_, path := configFile(t, file.String())
	for _, f := range fields {
		t.Run(f.Path, func(t *testing.T) {
			source := Sources{File: path}
			expect := func(value string, origin Origin) {
				t.Helper()
				s, err := source.Read()
				require.NoError(t, err)
				require.Equal(t, value, s.Value(f.Path))
				require.Equal(t, origin, s.Origin(f.Path))
			}
			if f.Path != "identityFile" {
				s, err := source.Read()
				require.NoError(t, err)
				expect(texts("file")[f.Path], Origin{FromFile, path, s.Origin(f.Path).Line})
				require.Positive(t, s.Origin(f.Path).Line)
			}
			source.Environment = []string{f.Variable() + "=" + texts("environment")[f.Path]}
			expect(texts("environment")[f.Path], Origin{Source: FromEnvironment, Name: f.Variable()})
			source.Flags = given(t, "--"+f.Flag()+"="+texts("flag")[f.Path])
			expect(texts("flag")[f.Path], Origin{Source: FromFlag, Name: f.Flag()})
			source.Environment = []string{f.Variable() + "="}
			expect(texts("flag")[f.Path], Origin{Source: FromFlag, Name: f.Flag()})
		})
	}
}

func TestNamesOfFields(t *testing.T) {
	f, ok := fieldNamed("wallets.enrolmentsPerSecond")
	require.True(t, ok)
	require.Equal(t, "CLAIMSHARE_WALLETS_ENROLMENTS_PER_SECOND", f.Variable())
	require.Equal(t, "wallets-enrolments-per-second", f.Flag())
	var names []string
	for _, f := range fields {
		names = append(names, f.Variable(), f.Flag())
	}
	slices.Sort(names)
	require.Len(t, slices.Compact(slices.Clone(names)), len(names))
}

// passphraseFile and identityFile are alternatives: the stronger source decides.
func TestWhatOpensTheKeysIsChosenByTheStrongerSource(t *testing.T) {
	_, path := configFile(t, whole)
	c, err := Sources{File: path, Environment: []string{"CLAIMSHARE_IDENTITY_FILE=/id"}}.Load()
	require.NoError(t, err)
	require.Equal(t, "/id", c.IdentityFile)
	require.Empty(t, c.PassphraseFile)
	_, err = Sources{File: path, Environment: []string{"CLAIMSHARE_IDENTITY_FILE=/id", "CLAIMSHARE_PASSPHRASE_FILE=/pass"}}.Load()
	require.ErrorIs(t, err, ErrConfig)
	require.ErrorContains(t, err, "not both")
}

func TestFilesOfFlagsAndEnvironmentAreInTheWorkingDirectory(t *testing.T) {
	_, path := configFile(t, whole)
	here, err := os.Getwd()
	require.NoError(t, err)
	c, err := Sources{File: path, Environment: []string{"CLAIMSHARE_KEYS=a.key"}, Flags: given(t, "--store", "b.db")}.Load()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(here, "a.key"), c.Keys)
	require.Equal(t, filepath.Join(here, "b.db"), c.Store)
	require.Equal(t, filepath.Join(here, "b.db.payloads"), c.Payloads)
}

func TestWhatIsWrongInAFileIsNamedWithItsLine(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"unknown":          {whole + "masterkey: x\n", `node.yaml:11: there is no field "masterkey": did you mean master?`},
		"unknown below":    {strings.Replace(whole, "  address", "  adddress", 1), `node.yaml:9: there is no field "parties.adddress": did you mean parties.address?`},
		"nothing like it":  {whole + "xyzzyxyzzy: x\n", `there is no field "xyzzyxyzzy": docs/configuration.md lists them`},
		"twice":            {whole + "name: other\n", "node.yaml:11: name is there twice, first in line 1: remove one"},
		"twice below":      {whole + "log:\n  level: info\n  level: debug\n", "node.yaml:13: log.level is there twice, first in line 12"},
		"a list":           {whole + "submit: [direct]\n", "node.yaml:11: submit takes one value"},
		"no group":         {whole + "log: debug\n", "node.yaml:11: the document.log is a group of fields"},
		"no number":        {whole + "wallets:\n  enrolmentsPerSecond: many\n", `node.yaml:12: wallets.enrolmentsPerSecond is a number, not "many"`},
		"second document":  {whole + "---\nname: x\n", "something follows the first document"},
		"no YAML":          {"name: [", "node.yaml"},
		"not a mapping":    {"- name\n", "node.yaml:1: the document is a group of fields"},
		"a level":          {whole + "log:\n  level: loud\n", "log.level is debug, info, warn or error"},
		"a format":         {whole + "log:\n  format: xml\n", "log.format is text or json"},
		"another database": {strings.Replace(whole, "northern.db", "mysql://host/x", 1), "store is a file or a postgres:// URL, not mysql"},
		"no payloads":      {strings.Replace(whole, "northern.db", "postgres://host/x", 1), "payloads is missing"},
		"no database":      {strings.Replace(whole, "northern.db", "postgres://host", 1), "store names no database"},
		"nothing":          {"", "role is authority"},
	} {
		t.Run(name, func(t *testing.T) {
			_, path := configFile(t, c.text)
			_, err := Sources{File: path}.Load()
			require.ErrorIs(t, err, ErrConfig)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestUnknownVariablesAreErrors(t *testing.T) {
	_, path := configFile(t, whole)
	load := func(variables ...string) error {
		_, err := Sources{File: path, Environment: variables}.Load()
		return err
	}
	err := load("CLAIMSHARE_PARTIES_ADDDRESS=host:1", "CLAIMSHARE_STOER=x")
	require.ErrorIs(t, err, ErrConfig)
	require.ErrorContains(t, err, "$CLAIMSHARE_PARTIES_ADDDRESS: there is no such variable: did you mean CLAIMSHARE_PARTIES_ADDRESS?")
	require.ErrorContains(t, err, "$CLAIMSHARE_STOER: there is no such variable: did you mean CLAIMSHARE_STORE?")
	require.Error(t, load("CLAIMSHARE_ADDRESS="), "also when it is empty")
	require.NoError(t, load("CLAIMSHARE_WALLET=x", "OTHER=y", "CLAIMSHARE_SERVICE_HOST=10.0.0.1", "CLAIMSHARE_NODE_PORT_7051_TCP_ADDR=10.0.0.1", "CLAIMSHARE_PORT=tcp://10.0.0.1:7051"))
}

// A password is neither in a file nor on a command line, and is never shown.
func TestPasswordsOfTheStore(t *testing.T) {
	const secret = "swordfish"
	for name, url := range map[string]string{
		"user":      "postgres://node:" + secret + "@db.example/claims",
		"setting":   "postgresql://node@db.example/claims?password=" + secret,
		"key":       "postgres://node@db.example/claims?sslpassword=" + secret,
		"not a URL": "postgres://node:" + secret + "%zz@db.example/claims",
	} {
		t.Run(name, func(t *testing.T) {
			_, path := configFile(t, strings.Replace(whole, "northern.db", "'"+url+"'", 1)+"payloads: /payloads\n")
			_, err := Sources{File: path}.Load()
			require.ErrorIs(t, err, ErrConfig)
			require.NotContains(t, err.Error(), secret)
			_, plain := configFile(t, whole+"payloads: /payloads\n")
			_, err = Sources{File: plain, Flags: given(t, "--store", url)}.Load()
			require.ErrorIs(t, err, ErrConfig)
			require.NotContains(t, err.Error(), secret)
			if name == "not a URL" {
				return
			}
			require.ErrorContains(t, err, "$PGPASSWORD")
			s, err := Sources{File: plain, Environment: []string{"CLAIMSHARE_STORE=" + url}}.Read()
			require.NoError(t, err)
			require.NoError(t, s.Config.Validate())
			require.Equal(t, url, s.Config.Store)
			require.NotContains(t, s.Value("store"), secret)
			require.Contains(t, s.Value("store"), "xxxxx")
		})
	}
	require.Equal(t, "postgres://xxxxx", (&Config{Store: "postgres://node:" + secret + "%zz@db.example/claims"}).StoreName())
	for _, slip := range []string{
		" postgres://node:" + secret + "@db.example/claims", "POSTGRES://node:" + secret + "@db.example/claims", "mysql://node:" + secret + "@db.example/claims",
		"postgres://db.example/claims?PASSWORD=" + secret, "postgres://db.example/claims?password=a;" + secret,
	} {
		require.NotContains(t, (&Config{Store: slip}).StoreName(), secret, slip)
		c := &Config{Store: slip}
		err := errors.Join(c.keepsPassword(Origin{Source: FromFile}), c.checkStore())
		require.Error(t, err, slip)
		require.NotContains(t, err.Error(), secret)
	}
	_, path := configFile(t, strings.Replace(whole, "northern.db", "postgres://node@db.example/claims?passfile=/f", 1)+"payloads: p\n")
	c, err := Sources{File: path}.Load()
	require.NoError(t, err)
	require.True(t, c.PostgreSQL())
	require.Equal(t, "postgres://node@db.example/claims?passfile=%2Ff", c.StoreName())
	require.Equal(t, filepath.Join(filepath.Dir(path), "p"), c.Payloads)
}
