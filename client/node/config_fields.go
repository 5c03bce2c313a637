package node

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A Field is one value of a node's configuration, as it is named in the file, in
// the environment and on the command line.
type Field struct {
	// Path is the name in the file, with a dot between the levels.
	Path string
	// Help says what it is, in a line.
	Help string
	// Default is what is used when nothing says otherwise; empty when there is
	// none.
	Default string

	file   bool // it names a file
	number bool
}

// Variable is the field's name in the environment.
func (f Field) Variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(words(f.Path), "-", "_"))
}

// Flag is the field's name on the command line, without dashes.
func (f Field) Flag() string { return words(f.Path) }

// namesFile reports whether a value of the field is a file's name. A store may be
// a URL instead.
func (f Field) namesFile(value string) bool {
	return f.file && value != "" && (f.Path != "store" || !strings.Contains(value, "://"))
}

const prefix = "CLAIMSHARE_"

var inner = regexp.MustCompile(`[A-Z]`)

// words is a path as words in small letters, with a dash between.
func words(path string) string {
	return strings.ReplaceAll(strings.ToLower(inner.ReplaceAllString(path, "-$0")), ".", "-")
}

// Fields lists everything that can be configured, in the order of the file.
func Fields() []Field { return slices.Clone(fields) }

var fields = measured([]Field{
	{Path: "name", Help: "what the node calls itself in logs, 1 to 63 bytes"},
	{Path: "role", Help: "authority, insurer, repair-shop or proxy"},
	{Path: "connection", Help: "JSON file: how to reach Fabric, and as whom", file: true},
	{Path: "store", Help: "the party's database: an SQLite file, which is made when it is missing, or a postgres:// URL", file: true},
	{Path: "payloads", Help: "folder of large payloads; needed with PostgreSQL", Default: "STORE.payloads with SQLite", file: true},
	{Path: "keys", Help: "age-encrypted file of the party's keys; setup or enrol makes it", file: true},
	{Path: "master", Help: "age-encrypted file of the master key; the authority's only", file: true},
	{Path: "passphraseFile", Help: "file whose first line is the passphrase of both; this or identityFile", file: true},
	{Path: "identityFile", Help: "age identity file that opens both; this or passphraseFile", file: true},
	{Path: "submit", Help: "insurers and repair shops: direct, or authority, which has the authority's node take batches to the ledger", Default: SubmitDirect},
	{Path: "directory", Help: "YAML file that says where the other nodes are; read again when it changes", file: true},
	{Path: "parties.address", Help: "host:port for other parties' nodes"},
	{Path: "wallets.address", Help: "host:port for wallets, and for nodes that enrol; empty for none"},
	{Path: "wallets.certificate", Help: "PEM file of the TLS server certificate shown there; read again when it changes", file: true},
	{Path: "wallets.key", Help: "PEM file of its key; read again when it changes", file: true},
	{Path: "wallets.enrolmentsPerSecond", Help: "calls with one-time codes a second from one address, up to 1000", Default: "the built-in limit", number: true},
	{Path: "operator", Help: "Unix socket for the organisation's own use, at most 107 bytes", file: true},
	{Path: "metrics.address", Help: "host:port for metrics and health; empty for none"},
	{Path: "log.level", Help: "debug, info, warn or error", Default: "info"},
	{Path: "log.format", Help: "json or text", Default: "json"},
})

// measured makes sure that the list is that of Config's fields.
func measured(list []Field) []Field {
	var named []string
	for _, f := range list {
		named = append(named, f.Path)
	}
	if have := leaves(reflect.TypeFor[Config](), ""); !slices.Equal(named, have) {
		panic("the list of fields is not Config's: " + strings.Join(have, " "))
	}
	return list
}

// leaves are the paths of a struct's exported fields.
func leaves(t reflect.Type, above string) []string {
	var all []string
	for f := range fieldsOf(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.Type.Kind() == reflect.Struct {
			all = append(all, leaves(f.Type, above+name+".")...)
			continue
		}
		all = append(all, above+name)
	}
	return all
}

func fieldsOf(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !yield(f) {
				return
			}
		}
	}
}

func fieldNamed(path string) (Field, bool) {
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Path == path })
	if i < 0 {
		return Field{}, false
	}
	return fields[i], true
}

// nearest is the one of the words that was probably meant; "" when none is near.
func nearest(word string, among []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, candidate := range among {
		if d := edits(strings.ToLower(word), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// edits is how many letters have to be put in, taken out or exchanged to make
// one word of the other.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
