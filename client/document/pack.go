package document

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
)

// Pack writes a document and its attachments as one stream, the plaintext of a
// sealed record. It takes each attachment by its name from files (an os.DirFS,
// an embed.FS; nil where the document has none) and checks size, digest and
// media type while it writes. The same document gives the same bytes.
//
// A policy must carry its evidence ([ErrNoEvidence]). After any error, what has
// been written is worthless.
func Pack(w io.Writer, doc *Document, files fs.FS) error {
	if doc.policy != nil && doc.policy.Evidence == "" {
		return ErrNoEvidence
	}
	tw := tar.NewWriter(w)
	if err := tw.WriteHeader(header(entryName(doc.kind), int64(len(doc.raw)))); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	if _, err := tw.Write(doc.raw); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	for _, a := range doc.Attachments() {
		if err := packOne(tw, a, files); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("end the container: %w", err)
	}
	return nil
}

func packOne(tw *tar.Writer, a Attachment, files fs.FS) error {
	if files == nil {
		return fmt.Errorf("%w: %s was not given", ErrAttachment, a.Name)
	}
	f, err := files.Open(a.Name)
	if err != nil {
		return fmt.Errorf("open attachment %s: %w", a.Name, err)
	}
	defer f.Close()
	if err := tw.WriteHeader(header(folder+a.Name, a.Size)); err != nil {
		return fmt.Errorf("write attachment %s: %w", a.Name, err)
	}
	if _, err := io.Copy(tw, newContent(f, a, ErrAttachment)); err != nil {
		return fmt.Errorf("write attachment %s: %w", a.Name, err)
	}
	if n, _ := f.Read(make([]byte, 1)); n > 0 {
		return fmt.Errorf("%w: %s is longer than its stated size of %d", ErrAttachment, a.Name, a.Size)
	}
	return nil
}
