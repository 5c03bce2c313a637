package command

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

func (a *app) nodeErase() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "erase RECORD",
		Short: "Destroy a record for good and tell the ledger so (insurer, repair shop)",
		Long: `Destroy a record that this node issued: its ciphertext and its capsule, without
which nobody can open any copy of the ciphertext that has no capsule. The ledger
is told first, and releases the record to nobody from then on; it keeps the signed
statement, which says nothing of the contents. What was released before is in its
receivers' hands: ask them. The reason stays in this node's database.`,
		Args: arguments("RECORD"),
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for this node's own records")
	c = a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		id, err := record.ParseRecordID(args[0])
		if err != nil {
			return usage("%w", err)
		}
		r, err := o.Erase(ctx, &nodev1.EraseRequest{Record: id[:], Reason: reason})
		if err != nil {
			return err
		}
		return a.print(answer{{"record", "record", id.String()}, {"erased", "erased on", time.Unix(r.Erased, 0).UTC().Format(time.RFC3339)}})
	})
	return needed(c, "reason TEXT")
}
