package wallets

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
)

// killed starts a command and kills it after a while. It reports whether it had
// ended by itself before.
func (p *program) killed(after time.Duration, args ...string) bool {
	c := exec.CommandContext(context.Background(), p.path, append(append([]string{"wallet"}, args...), p.args...)...)
	c.Dir, c.SysProcAttr = p.dir, &syscall.SysProcAttr{Setsid: true}
	require.NoError(p.t, c.Start())
	timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
	err := c.Wait()
	return timer.Stop() && err == nil
}

// untilKilled runs a command again and again, each time killed a little later,
// until it has ended by itself.
func (p *program) untilKilled(draw *rand.Rand, args ...string) (kills int) {
	for after := time.Duration(0); ; kills++ {
		after += time.Duration(2+draw.IntN(20)) * time.Millisecond
		if p.killed(after, args...) {
			return kills
		}
		require.Less(p.t, kills, 1000)
	}
}

// The program is killed at any moment and run again: what it was asked for
// happens, once.
func TestKilledProgram(t *testing.T) {
	rounds := 1
	if os.Getenv("CLAIMSHARE_SOAK") != "" {
		rounds = 8
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	kills := 0
	for range rounds {
		w := newWorld(t)
		p := newProgram(t)
		i := w.invite("Alice Example")
		ca, code := p.file("authority.pem", string(i.Authority)), p.file("code", i.Code.Text()+"\n")
		for !p.killed(time.Duration(draw.IntN(250))*time.Millisecond, "enrol", "--authority", i.Address, "--ca", ca, "--code-file", code) {
			kills++
			if _, errs, exit := p.run("status"); exit == 0 {
				break // it was killed behind its work
			} else {
				require.Equal(t, 3, exit, errs) // there is no wallet yet
			}
		}
		var status struct {
			Party string
			Keys  int `json:"keyVersions"`
		}
		require.NoError(t, json.Unmarshal([]byte(p.ok("status", "-o", "json")), &status))
		id, err := record.ParsePartyID(status.Party)
		require.NoError(t, err)
		alice := &holder{world: w, id: id}

		for _, one := range []record.RecordID{alice.offer("nordhaven", "policy/2026"), alice.offer("shop", "repair/2026")} {
			kills += p.untilKilled(draw, "sign", one.String(), "--yes")
		}
		require.Equal(t, "Nothing waits for your signature.\n", p.ok("proposals"))
		request := alice.asked("suedhaven", "shop", "repair/2026").String()
		kills += p.untilKilled(draw, "grant", request, "--yes")
		consents, err := w.sm.ConsentsOf(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, consents, 1)
		require.Equal(t, record.ConsentApproved, consents[0].Status)
		kills += p.untilKilled(draw, "revoke", consents[0].Consent.String(), "--yes")
		require.Contains(t, p.ok("history"), "withdrawn on")

		after := time.Duration(draw.IntN(300)) * time.Millisecond
		permit := p.file("permit", w.permit(id, "Alice Example").Text()+"\n")
		if !p.killed(after, "rotate", "--yes", "--code-file", permit) {
			kills++
			p.ok("rotate", "--yes", "--code-file", permit)
		}
		require.NoError(t, json.Unmarshal([]byte(p.ok("status", "-o", "json")), &status))
		party, err := w.sm.Party(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, party.Keys, status.Keys, "wallet and ledger know the same keys")
		require.Equal(t, 2, status.Keys, "one code, one rotation")
		require.Equal(t, 1, len(p.entries()), "nothing is left beside the wallet")
		records, err := w.sm.RecordsOf(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, records, 2)
	}
	t.Logf("%d kills", kills)
}

// entries are the wallet's files.
func (p *program) entries() []string {
	all, err := os.ReadDir(p.dir)
	require.NoError(p.t, err)
	var names []string
	for _, e := range all {
		switch e.Name() {
		case "identity", "authority.pem", "code", "permit":
		default:
			names = append(names, e.Name())
		}
	}
	return names
}
