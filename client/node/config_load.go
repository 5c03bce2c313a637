package node

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Where a value can come from, the strongest first.
const (
	FromFlag        = "flag"
	FromEnvironment = "environment"
	FromFile        = "file"
	FromDefault     = "default"
)

// Origin is where a value comes from.
type Origin struct {
	Source string `json:"source"`         // flag, environment, file or default
	Name   string `json:"name,omitempty"` // of the flag, the variable or the file
	Line   int    `json:"line,omitempty"` // in a file of lines
}

// String is the origin as a person reads it.
func (o Origin) String() string {
	switch {
	case o.Source == FromFlag:
		return "--" + o.Name
	case o.Source == FromEnvironment:
		return "$" + o.Name
	case o.Line > 0:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	case o.Name != "":
		return o.Name
	}
	return o.Source
}

// Sources are where a configuration is read from. A flag is stronger than the
// environment, the environment than the file, and the file than a default.
type Sources struct {
	// File is the configuration's file. Names of files in it are relative to it;
	// those in flags and in the environment to the working directory.
	File string
	// Environment has the form of [os.Environ]. A variable that is empty counts
	// as not set.
	Environment []string
	// Flags may be nil. Those that carry a field's name count when they were
	// given ([AddFlags]).
	Flags *pflag.FlagSet
}

// Settings are a configuration and where each of its values comes from.
type Settings struct {
	Config  *Config
	origins map[string]Origin
}

// LoadConfig reads a configuration from a file and the environment, and checks
// it. The errors are ErrConfig.
func LoadConfig(path string) (*Config, error) {
	return Sources{File: path, Environment: os.Environ()}.Load()
}

// Load reads a configuration and checks it. The errors are ErrConfig.
func (s Sources) Load() (*Config, error) {
	settings, err := s.Read()
	if err != nil {
		return nil, err
	}
	if err := settings.Config.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.File, err)
	}
	return settings.Config, nil
}

// Read reads a configuration. Unknown fields in the file and unknown CLAIMSHARE_
// variables are errors, and so is a password in a file or flag. Whether the
// values make sense is for [Config.Validate]. The errors are ErrConfig.
func (s Sources) Read() (*Settings, error) {
	settings, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return settings, nil
}

func (s Sources) read() (*Settings, error) {
	file, err := readConfigFile(s.File)
	if err != nil {
		return nil, err
	}
	all := koanf.New(".")
	settings := &Settings{Config: &Config{environment: s.connectionVariables()}, origins: map[string]Origin{}}
	layers := []*layer{file}
	for _, next := range []func() (*layer, error){s.variables, s.flags} {
		l, err := next()
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
	}
	choose(layers, "passphraseFile", "identityFile")
	for _, l := range layers {
		if err := all.Load(confmap.Provider(l.values, "."), nil); err != nil {
			return nil, err
		}
		for path, origin := range l.found {
			settings.origins[path] = origin
		}
	}
	if err := all.UnmarshalWithConf("", settings.Config, koanf.UnmarshalConf{Tag: "yaml"}); err != nil {
		return nil, err
	}
	if err := settings.Config.keepsPassword(settings.Origin("store")); err != nil {
		return nil, err
	}
	settings.Config.complete()
	return settings, nil
}

// choose lets the stronger layer decide where two fields are alternatives.
func choose(layers []*layer, one, other string) {
	for i, l := range layers {
		_, hasOne := l.values[one]
		_, hasOther := l.values[other]
		if !hasOne && !hasOther {
			continue
		}
		for _, weaker := range layers[:i] {
			for _, path := range []string{one, other} {
				delete(weaker.values, path)
				delete(weaker.found, path)
			}
		}
	}
}

// variables reads the CLAIMSHARE_ variables.
func (s Sources) variables() (*layer, error) {
	l := newLayer()
	set, err := env.Provider("", env.Opt{Prefix: prefix, EnvironFunc: func() []string { return s.Environment }}).Read()
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(set)) {
		value := set[name].(string)
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Variable() == name })
		switch {
		case i < 0 && !anothers(name):
			wrong = append(wrong, fmt.Errorf("$%s: there is no such variable%s", name, meant(name, variableNames())))
		case i >= 0 && value != "":
			wrong = append(wrong, l.putHere(fields[i], value, Origin{Source: FromEnvironment, Name: name}))
		}
	}
	return l, errors.Join(wrong...)
}

// putHere takes a value over whose file name is relative to the working
// directory.
func (l *layer) putHere(f Field, text string, from Origin) error {
	if f.namesFile(text) {
		absolute, err := filepath.Abs(text)
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		text = absolute
	}
	return l.put(f, text, from)
}

func variableNames() []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Variable())
	}
	for _, v := range connectionVariables {
		all = append(all, v.Name)
	}
	return all
}

// notOurs are variables of this project's other programs and of its tests.
var notOurs = []string{
	"WALLET", "CACHE", "STATE", "SYSTEM_FILE", "FAILPOINTS", "PROFILES",
	"SOAK", "SEED", "MODEL_SEED", "CLAIMS", "PAYLOAD", "RELEASES", "FABRIC_SAMPLES",
}

// byKubernetes are variables that Kubernetes sets when a service is called
// claimshare, or claimshare-something.
var byKubernetes = regexp.MustCompile(`^CLAIMSHARE(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

func anothers(name string) bool {
	return isConnectionVariable(name) || slices.Contains(notOurs, strings.TrimPrefix(name, prefix)) || byKubernetes.MatchString(name)
}

// AddFlags adds a flag for every field.
func AddFlags(flags *pflag.FlagSet) {
	for _, f := range fields {
		flags.String(f.Flag(), "", f.Help)
	}
}

// flags reads the flags that were given.
func (s Sources) flags() (*layer, error) {
	l := newLayer()
	if s.Flags == nil {
		return l, nil
	}
	given, err := posflag.ProviderWithFlag(s.Flags, "/", nil, func(f *pflag.Flag) (string, any) { return f.Name, f.Value.String() }).Read()
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, f := range fields {
		if value, ok := given[f.Flag()]; ok {
			wrong = append(wrong, l.putHere(f, value.(string), Origin{Source: FromFlag, Name: f.Flag()}))
		}
	}
	return l, errors.Join(wrong...)
}

func (f Field) parse(text string) (any, error) {
	if !f.number || text == "" {
		return text, nil
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is a number, not %q", f.Path, text)
	}
	return number, nil
}

// Origin is where a field's value comes from.
func (s *Settings) Origin(path string) Origin {
	if origin, ok := s.origins[path]; ok {
		return origin
	}
	return Origin{Source: FromDefault}
}

// Value is a field's value as it may be shown: without a password.
func (s *Settings) Value(path string) string { return s.Config.shown(path) }
