package launch

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/claimshare/claimshare/network/supervise"
	"github.com/claimshare/claimshare/network/topology"
)

type cryptoOrganization struct {
	Name          string       `yaml:"Name"`
	Domain        string       `yaml:"Domain"`
	EnableNodeOUs bool         `yaml:"EnableNodeOUs"`
	CA            cryptoCA     `yaml:"CA"`
	Specs         []cryptoNode `yaml:"Specs"`
}

type cryptoCA struct {
	Country            string `yaml:"Country"`
	Locality           string `yaml:"Locality"`
	OrganizationalUnit string `yaml:"OrganizationalUnit"`
}

type cryptoNode struct {
	Hostname string   `yaml:"Hostname"`
	SANS     []string `yaml:"SANS"`
}

// generateMaterial makes each organisation's certificate authorities, the
// certificates of its nodes and of its administrator (cryptogen), and then its
// named identities and chaincode certificates, which cryptogen cannot name.
func generateMaterial(ctx context.Context, l layout, cryptogen string, t topology.Topology) error {
	nodes := func(hosts []string) []cryptoNode {
		var specs []cryptoNode
		for _, host := range hosts {
			specs = append(specs, cryptoNode{Hostname: host, SANS: []string{"localhost", loopback}})
		}
		return specs
	}
	var config struct {
		OrdererOrgs []cryptoOrganization `yaml:"OrdererOrgs"`
		PeerOrgs    []cryptoOrganization `yaml:"PeerOrgs"`
	}
	for _, o := range t.Organizations {
		made := cryptoOrganization{Name: o.Title, Domain: o.Domain, EnableNodeOUs: true, CA: cryptoCA{Country: "GB", Locality: "Exampleton"}}
		if len(o.Orderers) > 0 {
			made.Specs = nodes(o.Orderers)
			config.OrdererOrgs = append(config.OrdererOrgs, made)
		} else {
			made.Specs = nodes(o.Peers)
			config.PeerOrgs = append(config.PeerOrgs, made)
		}
	}
	path := filepath.Join(l.config(), "cryptogen.yaml")
	if err := writeYAML(path, config); err != nil {
		return err
	}
	if err := runTool(ctx, nil, cryptogen, "generate", "--config="+path, "--output="+l.crypto()); err != nil {
		return fmt.Errorf("generate certificates: %w", err)
	}
	if err := restrict(l.crypto()); err != nil {
		return fmt.Errorf("protect the keys: %w", err)
	}
	for _, o := range t.Organizations {
		if err := issueCertificates(l, o); err != nil {
			return fmt.Errorf("issue certificates of %s: %w", o.Name, err)
		}
	}
	return nil
}

// restrict lets only this user read what is below dir.
func restrict(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
}

// runTool runs one of Fabric's tools, which end with this process.
func runTool(ctx context.Context, environment []string, program string, args ...string) error {
	var output bytes.Buffer
	command := exec.CommandContext(ctx, program, args...)
	command.Env = append(os.Environ(), environment...)
	command.Stdout, command.Stderr = &output, &output
	if err := supervise.Run(command); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

func writeYAML(path string, value any) error {
	raw, err := yaml.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return writeFile(path, raw)
}

// writeFile writes a private file, making its folders.
func writeFile(path string, contents []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, contents, 0o600)
}
