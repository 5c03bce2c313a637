package document

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
)

// photos is a repair record with a PNG and a JPEG.
func photos(t testing.TB) (*Document, fstest.MapFS) {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, 40, 30))
	var p, j bytes.Buffer
	require.NoError(t, png.Encode(&p, picture))
	require.NoError(t, jpeg.Encode(&j, picture, nil))
	files := fstest.MapFS{"rear.png": {Data: p.Bytes()}, "scratch-1.jpg": {Data: j.Bytes()}}
	return describing(t, files, "rear.png", "scratch-1.jpg"), files
}

func describing(t testing.TB, files fstest.MapFS, names ...string) *Document {
	t.Helper()
	doc, err := Parse(record.KindRepair, sample(t, record.KindRepair))
	require.NoError(t, err)
	r, _ := doc.Repair()
	for _, name := range names {
		a, err := Describe(name, "detail", bytes.NewReader(files[name].Data))
		require.NoError(t, err)
		a.Caption = "Rear bumper"
		a.Damage = []string{"D1"}
		r.Attachments = append(r.Attachments, a)
	}
	doc, err = NewRepair(r)
	require.NoError(t, err)
	return doc
}

func packed(t testing.TB, doc *Document, files fs.FS) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Pack(&b, doc, files))
	return b.Bytes()
}

func TestPackUnpack(t *testing.T) {
	doc, files := photos(t)
	stream := packed(t, doc, files)
	assert.Equal(t, stream, packed(t, doc, files), "the same document gives the same bytes")

	got := make(fstest.MapFS)
	opened, err := Unpack(iotest.OneByteReader(bytes.NewReader(stream)), Limits{}, func(a Attachment, r io.Reader) error {
		data, err := io.ReadAll(r)
		got[a.Name] = &fstest.MapFile{Data: data}
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, doc.JSON(), opened.JSON())
	assert.Equal(t, files, got)

	_, err = Unpack(bytes.NewReader(stream), Limits{}, nil)
	assert.NoError(t, err, "attachments may be passed over")

	// Any tar program can read it.
	tr := tar.NewReader(bytes.NewReader(stream))
	for _, name := range []string{"repair.json", "attachments/rear.png", "attachments/scratch-1.jpg"} {
		h, err := tr.Next()
		require.NoError(t, err)
		assert.Equal(t, name, h.Name)
	}
}

func TestPolicyTravelsWithItsEvidence(t *testing.T) {
	doc, err := Parse(record.KindPolicy, sample(t, record.KindPolicy))
	require.NoError(t, err)
	opened, err := Unpack(bytes.NewReader(packed(t, doc, nil)), Limits{}, nil)
	require.NoError(t, err)
	assert.Equal(t, record.KindPolicy, opened.Kind())

	p, _ := doc.Policy()
	p.Evidence = ""
	draft, err := NewPolicy(p)
	require.NoError(t, err, "a draft is a valid document")
	assert.ErrorIs(t, Pack(io.Discard, draft, nil), ErrNoEvidence)
}

// Every byte of the container counts: whichever is altered, nothing is opened.
func TestNoByteMayChange(t *testing.T) {
	doc, files := photos(t)
	stream := packed(t, doc, files)
	for i := range stream {
		if i > 1024 && i < len(stream)-2048 && i%7 != 0 {
			continue // the middle in samples
		}
		altered := bytes.Clone(stream)
		altered[i] ^= 1
		opened, err := Unpack(bytes.NewReader(altered), Limits{}, nil)
		if err == nil {
			// A letter inside a text of the document may still be a document; it
			// is another one, and the seal around the container notices.
			assert.NotEqual(t, doc.JSON(), opened.JSON(), "byte %d", i)
			assert.Less(t, i, blockSize+len(doc.JSON()), "byte %d", i)
		}
	}
	for n := range stream {
		if n%13 == 0 || n > len(stream)-1100 {
			_, err := Unpack(bytes.NewReader(stream[:n]), Limits{}, nil)
			assert.ErrorIs(t, err, ErrContainer, "cut to %d bytes", n)
		}
	}
	_, err := Unpack(bytes.NewReader(append(stream, 0)), Limits{}, nil)
	assert.ErrorIs(t, err, ErrContainer)
}

func TestForeignContainers(t *testing.T) {
	doc, files := photos(t)
	type entry struct {
		name    string
		content []byte
		edit    func(*tar.Header)
	}
	document := entry{name: "repair.json", content: doc.JSON()}
	rear := entry{name: "attachments/rear.png", content: files["rear.png"].Data}
	scratch := entry{name: "attachments/scratch-1.jpg", content: files["scratch-1.jpg"].Data}
	for name, entries := range map[string][]entry{
		"empty":              {},
		"attachment missing": {document, rear},
		"attachment extra":   {document, rear, scratch, {name: "attachments/more.png", content: rear.content}},
		"other order":        {document, scratch, rear},
		"twice":              {document, rear, rear, scratch},
		"document last":      {rear, scratch, document},
		"two documents":      {document, document, rear, scratch},
		"unknown document":   {{name: "claim.json", content: doc.JSON()}, rear, scratch},
		"path traversal":     {document, {name: "attachments/../../rear.png", content: rear.content}, scratch},
		"absolute path":      {document, {name: "/rear.png", content: rear.content}, scratch},
		"executable":         {document, {name: rear.name, content: rear.content, edit: func(h *tar.Header) { h.Mode = 0o755 }}, scratch},
		"owned":              {{name: "repair.json", content: doc.JSON(), edit: func(h *tar.Header) { h.Uid = 1000 }}, rear, scratch},
		"symbolic link":      {document, {name: rear.name, edit: func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd" }}, scratch},
		"extended header":    {{name: "repair.json", content: doc.JSON(), edit: func(h *tar.Header) { h.Format = tar.FormatPAX; h.PAXRecords = map[string]string{"x.y": "z"} }}, rear, scratch},
		"gnu header":         {{name: "repair.json", content: doc.JSON(), edit: func(h *tar.Header) { h.Format = tar.FormatGNU }}, rear, scratch},
	} {
		var b bytes.Buffer
		tw := tar.NewWriter(&b)
		for _, e := range entries {
			h := header(e.name, int64(len(e.content)))
			if e.edit != nil {
				e.edit(h)
			}
			require.NoError(t, tw.WriteHeader(h), name)
			_, err := tw.Write(e.content)
			require.NoError(t, err, name)
		}
		require.NoError(t, tw.Close())
		_, err := Unpack(&b, Limits{}, nil)
		assert.ErrorIs(t, err, ErrContainer, name)
	}
}

func TestAttachmentsAreWhatTheDocumentSays(t *testing.T) {
	doc, files := photos(t)
	with := func(data []byte) fstest.MapFS {
		return fstest.MapFS{"rear.png": {Data: data}, "scratch-1.jpg": files["scratch-1.jpg"]}
	}
	good := files["rear.png"].Data
	other := bytes.Clone(good)
	other[len(other)-1] ^= 1
	assert.ErrorIs(t, Pack(io.Discard, doc, with(other)), ErrAttachment)
	assert.ErrorIs(t, Pack(io.Discard, doc, with(good[:len(good)-1])), ErrAttachment)
	assert.ErrorIs(t, Pack(io.Discard, doc, with(append(bytes.Clone(good), 0))), ErrAttachment)
	assert.ErrorIs(t, Pack(io.Discard, doc, nil), ErrAttachment)
	assert.ErrorIs(t, Pack(io.Discard, doc, fstest.MapFS{}), fs.ErrNotExist)

	// A page that calls itself a picture.
	page := fstest.MapFS{"rear.png": {Data: []byte("<html><script>")}}
	r, _ := doc.Repair()
	r.Attachments = nil
	a, err := Describe("rear.png", "detail", bytes.NewReader(page["rear.png"].Data))
	require.NoError(t, err)
	a.MediaType = "image/png"
	r.Attachments = []Attachment{a}
	lying, err := NewRepair(r)
	require.NoError(t, err)
	assert.ErrorIs(t, Pack(io.Discard, lying, page), ErrAttachment)
}

func TestAttachmentsAreDescribedInTheDocument(t *testing.T) {
	doc, _ := photos(t)
	r, _ := doc.Repair()
	for want, edit := range map[string]func(a *Attachment){
		"/attachments/0/name":      func(a *Attachment) { a.Name = "../rear.png" },
		"/attachments/0/mediaType": func(a *Attachment) { a.MediaType = "text/html" },
		"/attachments/0/size":      func(a *Attachment) { a.Size = 0 },
		"/attachments/0/sha256":    func(a *Attachment) { a.SHA256 = strings.ToUpper(a.SHA256) },
		"/attachments/0/damage/0":  func(a *Attachment) { a.Damage = []string{"D7"} },
		"/attachments/1/name":      func(a *Attachment) { a.Name = r.Attachments[1].Name },
	} {
		changed := r
		changed.Attachments = append([]Attachment(nil), r.Attachments...)
		edit(&changed.Attachments[0])
		_, err := NewRepair(changed)
		var invalid *Invalid
		if assert.ErrorAs(t, err, &invalid, want) {
			assert.Equal(t, want, invalid.Problems[0].Pointer)
		}
	}
	for _, name := range []string{"", ".", "..", "a..b", ".a", "a/b", `a\b`, "A.png", "a ", strings.Repeat("a", 65), "a."} {
		changed := r
		changed.Attachments = append([]Attachment(nil), r.Attachments...)
		changed.Attachments[0].Name = name
		_, err := NewRepair(changed)
		assert.Error(t, err, "%q", name)
	}
}

func TestLimits(t *testing.T) {
	doc, files := photos(t)
	stream := packed(t, doc, files)
	sizes := doc.Attachments()
	for name, l := range map[string]Limits{
		"document": {Document: 100},
		"count":    {Attachments: 1},
		"one":      {Attachment: sizes[0].Size - 1},
		"all":      {Total: sizes[0].Size + sizes[1].Size - 1},
	} {
		_, err := Unpack(bytes.NewReader(stream), l, func(Attachment, io.Reader) error {
			return errors.New("nothing is handed out")
		})
		assert.ErrorIs(t, err, ErrLimit, name)
	}
}

func TestErrorsOfTheCallerPassThrough(t *testing.T) {
	doc, files := photos(t)
	stream := packed(t, doc, files)
	full := errors.New("disk full")
	_, err := Unpack(bytes.NewReader(stream), Limits{}, func(Attachment, io.Reader) error { return full })
	assert.ErrorIs(t, err, full)
	_, err = Unpack(iotest.ErrReader(full), Limits{}, nil)
	assert.ErrorIs(t, err, full)
	assert.ErrorIs(t, Pack(failing{full}, doc, files), full)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestExtract(t *testing.T) {
	doc, files := photos(t)
	stream := packed(t, doc, files)
	parent := t.TempDir()
	dir := filepath.Join(parent, "record")
	_, err := Extract(bytes.NewReader(stream), Limits{}, dir)
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(dir, "rear.png"))
	require.NoError(t, err)
	assert.Equal(t, files["rear.png"].Data, got)
	got, err = os.ReadFile(filepath.Join(dir, "repair.json"))
	require.NoError(t, err)
	assert.Equal(t, doc.JSON(), got)

	_, err = Extract(bytes.NewReader(stream), Limits{}, dir)
	assert.ErrorIs(t, err, fs.ErrExist)

	_, err = Extract(bytes.NewReader(stream[:len(stream)-1]), Limits{}, filepath.Join(parent, "cut"))
	assert.ErrorIs(t, err, ErrContainer)
	left, err := os.ReadDir(parent)
	require.NoError(t, err)
	assert.Len(t, left, 1, "an error leaves nothing behind")
}

// A photo of 200 MB passes through a few kilobytes of memory.
func TestLargeAttachmentsAreStreamed(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes 800 MB")
	}
	const size = 200 << 20
	large := func() io.Reader {
		return io.LimitReader(io.MultiReader(strings.NewReader("\x89PNG\x0d\x0a\x1a\x0a"), zeros{}), size)
	}
	a, err := Describe("large.png", "overview", large())
	require.NoError(t, err)
	require.EqualValues(t, size, a.Size)
	doc, _ := photos(t)
	r, _ := doc.Repair()
	r.Attachments = []Attachment{a}
	doc, err = NewRepair(r)
	require.NoError(t, err)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(Pack(pw, doc, single{large})) }()
	_, err = Unpack(pr, Limits{Attachment: size}, nil)
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// single is a file system whose every file has the same content.
type single struct{ open func() io.Reader }

func (s single) Open(string) (fs.File, error) { return stream{s.open()}, nil }

type stream struct{ io.Reader }

func (stream) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (stream) Close() error               { return nil }

// FuzzUnpack: whatever Unpack accepts is what Pack writes, byte for byte.
func FuzzUnpack(f *testing.F) {
	doc, files := photos(f)
	f.Add(packed(f, doc, files))
	policy, err := Parse(record.KindPolicy, sample(f, record.KindPolicy))
	require.NoError(f, err)
	f.Add(packed(f, policy, nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stream []byte) {
		got := make(fstest.MapFS)
		opened, err := Unpack(bytes.NewReader(stream), Limits{Attachment: 1 << 16}, func(a Attachment, r io.Reader) error {
			data, err := io.ReadAll(r)
			got[a.Name] = &fstest.MapFile{Data: data}
			return err
		})
		if err != nil {
			return
		}
		if again := packed(t, opened, got); !bytes.Equal(again, stream) {
			t.Fatalf("accepted %s", hex.EncodeToString(stream))
		}
	})
}

func ExamplePack() {
	raw, _ := os.ReadFile("testdata/repair.json")
	doc, err := Parse(record.KindRepair, raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	var stream bytes.Buffer
	if err := Pack(&stream, doc, nil); err != nil { // nil: it has no photos
		fmt.Println(err)
		return
	}
	opened, err := Unpack(&stream, Limits{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, _ := opened.Repair()
	fmt.Println(r.OrderNumber, FormatAmount(r.Totals.Total, r.Currency))
	for _, d := range r.Damage {
		fmt.Printf("%s: %s\n", Term("zone", d.Zone), Term("damageCode", d.Code))
	}
	// Output:
	// RO-2026-0417 480.91 USD
	// Rear bumper: Crack in plastic, glass or metal
	// Rear quarter panel, left: Scratch that does not deform the panel
}

func ExampleValidate() {
	raw, _ := os.ReadFile("testdata/repair.json")
	raw = bytes.Replace(raw, []byte("1HGBH41JXMN109186"), []byte("1HGBH41JXMN109168"), 1)
	fmt.Println(Validate(record.KindRepair, raw))
	// Output:
	// the repair breaks the standard in 1 place:
	//   /vehicle/vin: the check digit at position 9 is 'X' but the other characters give '8'; a character is mistyped. Write: Vehicle identification number: 17 capital letters and digits without I, O and Q (ISO 3779); for vehicles of North America (first character 1 to 5) and China (L) the ninth character is the check digit.
}

func ExampleFormatAmount() {
	fmt.Println(FormatAmount(1234567, "EUR"))
	fmt.Println(FormatAmount(1234567, "JPY"))
	// Output:
	// 12,345.67 EUR
	// 1,234,567 JPY
}
