package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/node"
)

func (a *app) config() *cobra.Command {
	return group("config", "A node's configuration: what it is, and whether it can work", a.configShow(), a.configCheck())
}

// configured adds --config, and a flag for each field of a configuration. The
// function answers where to read it from.
func configured(c *cobra.Command) (*cobra.Command, func() node.Sources) {
	var file string
	node.AddFlags(c.Flags())
	for name, words := range map[string][]string{
		"role": {"authority", "insurer", "repair-shop", "proxy"}, "submit": {node.SubmitDirect, node.SubmitAuthority},
		"log-level": {"debug", "info", "warn", "error"}, "log-format": {"json", "text"},
	} {
		_ = c.RegisterFlagCompletionFunc(name, oneOf(words...))
	}
	return configFlag(c, &file), func() node.Sources {
		return node.Sources{File: file, Environment: os.Environ(), Flags: c.Flags()}
	}
}

// precedence is what every command with a configuration says of it.
const precedence = `

A flag is stronger than an environment variable (CLAIMSHARE_ and the field's
name), that than the file, and that than a default. The variables of fabric-samples'
gateway applications (CHANNEL_NAME, PEER_ENDPOINT and so on) are stronger than the
connection's file.`

func (a *app) configShow() *cobra.Command {
	var sources func() node.Sources
	c := &cobra.Command{
		Use:   "show",
		Short: "The configuration as a node would use it, and where each value comes from",
		Long: `Show every value of a node's configuration and of its connection to Fabric as
the node would use it, and where it comes from: a flag, a variable, a line of a
file, or a default. Passwords are not shown.` + precedence,
		Example: `  claimshare config show --config insurer.yaml`,
		Args:    cobra.NoArgs,
		RunE: a.action(func(context.Context, []string) error {
			settings, err := sources().Read()
			if err != nil {
				return err
			}
			s, connectionErr := describeSettings(settings)
			if err := a.print(s); err != nil {
				return err
			}
			if err := settings.Config.Validate(); err != nil {
				return err
			}
			return connectionErr
		}),
	}
	c, sources = configured(c)
	return c
}

// setting is one value.
type setting struct {
	Field string      `json:"field"`
	Value string      `json:"value"`
	From  node.Origin `json:"from"`
}

// effective is what "config show" answers.
type effective struct {
	Config     []setting `json:"config"`
	Connection []setting `json:"connection"`
}

// describeSettings lists what is in force. The error is that of the connection,
// which then is not listed.
func describeSettings(s *node.Settings) (*effective, error) {
	e := &effective{Config: []setting{}, Connection: []setting{}}
	for _, f := range node.Fields() {
		value := s.Value(f.Path)
		if value == "" && f.Path == "submit" && (s.Config.Role == "insurer" || s.Config.Role == "repair-shop") {
			value = f.Default
		}
		e.Config = append(e.Config, setting{f.Path, value, s.Origin(f.Path)})
	}
	c, err := s.Config.Fabric()
	if err != nil {
		return e, err
	}
	for _, v := range connectionSettings(c) {
		e.Connection = append(e.Connection, setting{v.name, v.value.(string), s.Config.ConnectionOrigin(v.name)})
	}
	return e, nil
}

func connectionSettings(c ledger.Connection) []field {
	quorum := ""
	if c.Quorum > 0 {
		quorum = strconv.Itoa(c.Quorum)
	}
	all := []field{{"mspId", "", c.MSPID}, {"channel", "", c.Channel}, {"chaincode", "", c.Chaincode},
		{"endorsers", "", strings.Join(c.Endorsers, " ")}, {"quorum", "", quorum}}
	for i, p := range c.Peers {
		at := fmt.Sprintf("peers[%d].", i)
		all = append(all, field{at + "endpoint", "", p.Endpoint}, field{at + "tlsRootCert", "", p.TLSRootCert}, field{at + "serverName", "", p.ServerName})
	}
	return append(all, field{"clientCert", "", c.ClientCert}, field{"clientKey", "", c.ClientKey})
}

// widest is how long a value may be to count for the column: one long path leaves
// the others where they can be read.
const widest = 40

func (e *effective) text(w io.Writer) error {
	var all strings.Builder
	for _, part := range []struct {
		title string
		list  []setting
	}{{"configuration", e.Config}, {"connection to Fabric", e.Connection}} {
		if len(part.list) == 0 {
			continue
		}
		field, value := 0, 0
		for _, s := range part.list {
			field = max(field, len(s.Field))
			if len(s.Value) <= widest {
				value = max(value, len(s.Value))
			}
		}
		fmt.Fprintf(&all, "%-*s  from\n", field+value+4, strings.ToUpper(part.title))
		for _, s := range part.list {
			shown, from := s.Value, s.From.String()
			if shown == "" {
				shown = "-"
				if s.From.Source != node.FromFlag {
					from = ""
				}
			}
			fmt.Fprintln(&all, strings.TrimRight(fmt.Sprintf("  %-*s  %-*s  %s", field, s.Field, value, shown, from), " "))
		}
	}
	_, err := io.WriteString(w, all.String())
	return err
}
