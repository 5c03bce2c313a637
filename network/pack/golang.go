package pack

import (
	"bytes"
	"context"
	"fmt"

	"github.com/claimshare/claimshare/network/programs"
)

// Golang has Fabric's own `peer lifecycle chaincode package --lang golang` pack
// a folder that Source made into file, and returns the package's id.
func Golang(ctx context.Context, fabric *programs.Set, folder, label, file string) (id string, err error) {
	config := []string{"FABRIC_CFG_PATH=" + fabric.FabricConfig, "FABRIC_LOGGING_SPEC=error"}
	_, err = run(ctx, folder, config, fabric.Peer, "lifecycle", "chaincode", "package", file, "--path", folder, "--lang", "golang", "--label", label)
	if err != nil {
		return "", fmt.Errorf("pack %s: %w", label, err)
	}
	printed, err := run(ctx, folder, config, fabric.Peer, "lifecycle", "chaincode", "calculatepackageid", file)
	if err != nil {
		return "", fmt.Errorf("pack %s: %w", label, err)
	}
	return string(bytes.TrimSpace(printed)), nil
}
