package command

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/claimshare/claimshare/crypto/pseudonym"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// The program itself, but for a quick lock of key files.
		"claimshare": func() {
			a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, scryptWork: 4}
			os.Exit(a.run(context.Background(), os.Args[1:]))
		},
	})
}

// TestScripts runs the program as a user types it: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails,
			"flip":  flip,
			"drop":  drop,
			"add":   add,
			"files": files,
			"fill":  fill,

			"identity": identity,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("CLAIMSHARE_PASSPHRASE_FILE", "")
			for _, name := range []string{"PID", "PID2"} {
				pid, err := newPID(name)
				if err != nil {
					return err
				}
				e.Setenv(name, string(pid))
			}
			return nil
		},
	})
}

func newPID(name string) (pseudonym.PID, error) {
	issuer, err := pseudonym.NewIssuer(make([]byte, 32))
	if err != nil {
		return "", err
	}
	return issuer.Issue([32]byte{}, "policyholder", name)
}

// identity FILE VARIABLE: makes an age identity, and its recipient a variable.
func identity(ts *testscript.TestScript, _ bool, args []string) {
	i, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(i.String()+"\n"), 0o600))
	ts.Setenv(args[1], i.Recipient().String())
}

// fails NAME command...: claimshare must end with that exit code, and print
// nothing but the error.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	i := slices.IndexFunc(exits, func(e exit) bool { return e.Name == args[0] })
	if neg || i < 0 {
		ts.Fatalf("usage: fails EXIT-NAME ARGUMENTS")
	}
	err := ts.Exec("claimshare", args[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exits[i].Code {
		ts.Fatalf("got %v, want exit status %d (%s)", err, exits[i].Code, args[0])
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("printed on standard output: %s", out)
	}
}

func edit(ts *testscript.TestScript, file string, change func([]byte) []byte) {
	path := ts.MkAbs(file)
	b, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, change(b), 0o600))
}

// flip FILE N: flips a bit of byte N, from the end when negative.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	edit(ts, args[0], func(b []byte) []byte {
		if n < 0 {
			n += len(b)
		}
		b[n] ^= 1
		return b
	})
}

// drop FILE N: drops the last N bytes.
func drop(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	edit(ts, args[0], func(b []byte) []byte { return b[:len(b)-n] })
}

// add FILE TEXT: adds bytes at the end.
func add(ts *testscript.TestScript, _ bool, args []string) {
	edit(ts, args[0], func(b []byte) []byte { return append(b, args[1]...) })
}

// fill FILE N: makes a file of N bytes.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), make([]byte, n), 0o600))
}

// files DIR NAME...: these and no other files, hidden ones too, are in DIR.
func files(ts *testscript.TestScript, _ bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(args[1:])
	if !slices.Equal(names, args[1:]) {
		ts.Fatalf("%s holds %s, want %s", args[0], strings.Join(names, " "), strings.Join(args[1:], " "))
	}
}
