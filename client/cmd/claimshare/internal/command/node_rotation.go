package command

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

func (a *app) nodeAllowRotation() *cobra.Command {
	var identityFile string
	var lifetime time.Duration
	c := &cobra.Command{
		Use:   "allow-rotation PARTY",
		Short: "Make a one-time code with which a policyholder may replace its keys (authority)",
		Long: `Make a one-time code for "claimshare wallet rotate". Check first who asks, as for
an enrolment: a thief of the wallet's file has its keys too, and this code is all
that keeps the thief from locking the owner out. The identity is read from a file
and must be the one that the pseudo-identity was issued to. PARTY is the party id
or the pseudo-identity; "claimshare wallet status" shows it. A policyholder who
was suspended may use the code too.`,
		Args: arguments("PARTY"),
	}
	c.Flags().StringVar(&identityFile, "identity-file", "", "file whose first line is the identity that was checked")
	c.Flags().DurationVar(&lifetime, "lifetime", 24*time.Hour, "how long the code is good for")
	c = a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		raw, err := os.ReadFile(identityFile)
		if err != nil {
			return err
		}
		identity, _, _ := strings.Cut(string(raw), "\n")
		r, err := o.AllowRotation(ctx, &nodev1.AllowRotationRequest{Party: args[0], Identity: strings.TrimSpace(identity), LifetimeSeconds: int64(lifetime.Seconds())})
		if err != nil {
			return err
		}
		return a.print(answer{{"code", "one-time code", r.Code}})
	})
	return needed(c, "identity-file FILE")
}
