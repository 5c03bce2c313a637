// Program ccaas-builder is a Fabric external builder for chaincode that runs as
// a service. Fabric calls it as bin/detect, bin/build and bin/release; the name
// it was called by chooses the step.
//
// A package holds one connection.json whose texts may contain {{.name}}. Each
// peer fills these from the JSON object in CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG,
// so all organisations install byte-identical packages, and no private key is
// ever in a package. A member "key_file" holds a path, and stands for the
// file's contents under the name "key".
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

const (
	configVariable = "CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"
	connectionFile = "connection.json"
)

func main() {
	step := filepath.Base(os.Args[0])
	if err := run(step, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "ccaas-builder %s: %v\n", step, err)
		os.Exit(1)
	}
}

func run(step string, args []string) error {
	switch {
	case step == "detect" && len(args) == 2: // source, metadata
		return detect(args[1])
	case step == "build" && len(args) == 3: // source, metadata, output
		return build(args[0], args[2])
	case step == "release" && len(args) == 2: // build output, release
		return release(args[0], args[1])
	}
	return fmt.Errorf("called with %d arguments: it must be called by a Fabric peer as detect, build or release", len(args))
}

func detect(metadataDir string) error {
	raw, err := os.ReadFile(filepath.Join(metadataDir, "metadata.json"))
	if err != nil {
		return err
	}
	var metadata struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &metadata); err != nil {
		return fmt.Errorf("read metadata.json: %w", err)
	}
	if metadata.Type != "ccaas" {
		return fmt.Errorf("package type is %q, not ccaas", metadata.Type)
	}
	return nil
}

func build(sourceDir, outputDir string) error {
	raw, err := os.ReadFile(filepath.Join(sourceDir, connectionFile))
	if err != nil {
		return fmt.Errorf("the package has no %s: %w", connectionFile, err)
	}
	if err := os.WriteFile(filepath.Join(outputDir, connectionFile), raw, 0o600); err != nil {
		return err
	}
	// Indexes travel beside the connection; release hands them to the peer.
	indexes := filepath.Join(sourceDir, "META-INF")
	if _, err := os.Stat(indexes); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return os.CopyFS(filepath.Join(outputDir, "META-INF"), os.DirFS(indexes))
}

func release(buildDir, releaseDir string) error {
	raw, err := os.ReadFile(filepath.Join(buildDir, connectionFile))
	if err != nil {
		return err
	}
	var connection map[string]any
	if err := json.Unmarshal(raw, &connection); err != nil {
		return fmt.Errorf("read %s: %w", connectionFile, err)
	}
	values, err := peerValues(os.Getenv(configVariable))
	if err != nil {
		return fmt.Errorf("read %s: %w", configVariable, err)
	}
	for name, value := range connection {
		text, isText := value.(string)
		if !isText {
			continue
		}
		if connection[name], err = fill(text, values); err != nil {
			return fmt.Errorf("fill %s of %s: %w", name, connectionFile, err)
		}
	}
	filled, err := json.Marshal(connection)
	if err != nil {
		return err
	}
	server := filepath.Join(releaseDir, "chaincode", "server")
	if err := os.MkdirAll(server, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(server, connectionFile), filled, 0o600); err != nil {
		return err
	}
	indexes := filepath.Join(buildDir, "META-INF", "statedb")
	if _, err := os.Stat(indexes); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return os.CopyFS(filepath.Join(releaseDir, "statedb"), os.DirFS(indexes))
}

func peerValues(config string) (map[string]string, error) {
	values := map[string]string{}
	if config == "" {
		return values, nil
	}
	if err := json.Unmarshal([]byte(config), &values); err != nil {
		return nil, err
	}
	for name, path := range values {
		key, isFile := strings.CutSuffix(name, "_file")
		if !isFile {
			continue
		}
		contents, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		values[key] = string(contents)
	}
	return values, nil
}

func fill(text string, values map[string]string) (string, error) {
	parsed, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var filled bytes.Buffer
	if err := parsed.Execute(&filled, values); err != nil {
		return "", err
	}
	return filled.String(), nil
}
