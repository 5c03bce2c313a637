package command

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/crypto/pre"
)

// status is what one check found.
type status string

const (
	fine    status = "ok"
	warning status = "warning"
	problem status = "problem"
	skipped status = "skipped"
)

// finding is the outcome of one check.
type finding struct {
	Check   string `json:"check"`
	Subject string `json:"subject,omitempty"`
	Status  status `json:"status"`
	Detail  string `json:"detail"`
	Advice  string `json:"advice,omitempty"`
}

// diagnosis is what doctor answers.
type diagnosis struct {
	Healthy  bool      `json:"healthy"`
	Problems int       `json:"problems"`
	Warnings int       `json:"warnings"`
	Findings []finding `json:"findings"`
}

func (d *diagnosis) add(check, subject string, s status, detail, advice string) {
	d.Findings = append(d.Findings, finding{check, subject, s, detail, advice})
	switch s {
	case problem:
		d.Problems++
	case warning:
		d.Warnings++
	}
	d.Healthy = d.Problems == 0
}

// take adds the findings of another diagnosis.
func (d *diagnosis) take(other diagnosis) {
	for _, f := range other.Findings {
		d.add(f.Check, f.Subject, f.Status, f.Detail, f.Advice)
	}
}

func (d *diagnosis) ok(check, subject, format string, args ...any) {
	d.add(check, subject, fine, fmt.Sprintf(format, args...), "")
}

func (d *diagnosis) text(w io.Writer) error {
	for _, f := range d.Findings {
		detail := f.Detail
		if f.Subject != "" {
			detail = f.Subject + ": " + detail
		}
		if _, err := fmt.Fprintf(w, "%-8s %-12s %s\n", f.Status, f.Check, detail); err != nil {
			return err
		}
		if f.Advice != "" {
			if _, err := fmt.Fprintf(w, "%21s what to do: %s\n", "", f.Advice); err != nil {
				return err
			}
		}
	}
	return nil
}

// patient is what doctor looks at.
type patient struct {
	params     string
	keys       []string
	store      string
	connection string
	timeout    time.Duration
	unlock     unlock
	now        time.Time
}

func (a *app) doctor() *cobra.Command {
	var p patient
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with a set-up, and what to do",
		Long: `Say what is wrong with a parameters file, key files, a store, a connection
description or the network behind it, and what to do. Name what is to be
examined; the clock always is. Nothing is changed, nothing is asked for.

For everything that a node's configuration names there is "claimshare config check".

Key files are unlocked only when --passphrase-file or --identity is given.

A connection description is a JSON file:
  {"mspId": "ShopMSP", "channel": "claims", "chaincode": "claimshare",
   "endorsers": ["SMMSP"],
   "peers": [{"endpoint": "host:7051", "tlsRootCert": "tls.pem", "serverName": "peer0"}],
   "clientCert": "cert.pem", "clientKey": "key.pem"}`,
		Example: `  claimshare doctor --params authority.params.json --key alice.key
  claimshare doctor --connection shop.json --output json`,
		Args: arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			p.now = time.Now()
			d := p.examine(ctx)
			if err := a.print(d); err != nil {
				return err
			}
			if !d.Healthy {
				return fmt.Errorf("%w: %d", errUnhealthy, d.Problems)
			}
			return nil
		}),
	}
	f := c.Flags()
	f.StringVar(&p.params, "params", "", "parameters file")
	f.StringArrayVar(&p.keys, "key", nil, "key file, secret or public; may be repeated")
	f.StringVar(&p.store, "store", "", "SQLite file of a store")
	f.StringVar(&p.connection, "connection", "", "connection description")
	f.DurationVar(&p.timeout, "timeout", 10*time.Second, "how long to wait for each answer of the network")
	p.unlock.flags(c)
	return c
}

func (p *patient) examine(ctx context.Context) *diagnosis {
	d := &diagnosis{Healthy: true}
	examineClock(d, p.now)
	var params *pre.Parameters
	if p.params != "" {
		params = examineParams(d, p.params)
	}
	for _, key := range p.keys {
		p.examineKey(d, key, params)
	}
	if p.store != "" {
		examineStore(ctx, d, p.store)
	}
	if p.connection != "" {
		p.examineConnection(ctx, d, params)
	}
	if p.params == "" && len(p.keys) == 0 && p.store == "" && p.connection == "" {
		d.add("files", "", skipped, "none was named", "name what is to be examined: --params, --key, --store or --connection, each with a FILE")
	}
	return d
}
