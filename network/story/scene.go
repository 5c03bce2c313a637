package story

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Scene is what happened in one part of the story.
type Scene struct {
	Number  int            `json:"number"`
	Name    string         `json:"name"`
	Title   string         `json:"title"`
	Summary string         `json:"summary"`
	Lines   []Line         `json:"lines"`
	Facts   map[string]any `json:"facts"`
	Seconds float64        `json:"seconds"`
}

// Line is one thing that happened.
type Line struct {
	Mark   Mark   `json:"mark"`
	Text   string `json:"text"`
	Detail string `json:"detail,omitempty"`
}

// Mark says what kind of thing happened.
type Mark string

// The marks. Refused is a success of the story: somebody was rightly refused.
const (
	Done    Mark = "done"
	Refused Mark = "refused"
	Attack  Mark = "attack"
	Shown   Mark = "shown"
)

// ErrStory says that something happened that should not have, or the reverse.
var ErrStory = errors.New("the story took a wrong turn")

// done notes a thing that worked.
func (s *Scene) done(text, detail string, args ...any) {
	s.Lines = append(s.Lines, Line{Done, text, fmt.Sprintf(detail, args...)})
}

// shown notes what somebody gets to see.
func (s *Scene) shown(text, detail string, args ...any) {
	s.Lines = append(s.Lines, Line{Shown, text, fmt.Sprintf(detail, args...)})
}

// attack notes what somebody does who means ill.
func (s *Scene) attack(text, detail string, args ...any) {
	s.Lines = append(s.Lines, Line{Attack, text, fmt.Sprintf(detail, args...)})
}

// fact notes a value for machines.
func (s *Scene) fact(name string, value any) {
	if s.Facts == nil {
		s.Facts = map[string]any{}
	}
	s.Facts[name] = value
}

// refused expects err to be want and notes the refusal with its reason.
func (s *Scene) refused(name, text string, err, want error) error {
	if err == nil {
		return fmt.Errorf("%w: %s: it was not refused", ErrStory, text)
	}
	if !is(err, want) {
		return fmt.Errorf("%w: %s: refused for another reason: %w", ErrStory, text, err)
	}
	s.Lines = append(s.Lines, Line{Refused, text, reasonOf(err, want)})
	s.fact(name, map[string]string{"refused": want.Error(), "error": err.Error()})
	return nil
}

// is reports whether err is want. What comes from an operator socket is text,
// for people, in which a refusal has its stable code or words.
func is(err, want error) bool {
	words := want.Error()
	if coded := new(record.Error); errors.As(want, &coded) {
		words = string(coded.Code)
	}
	return errors.Is(err, want) || strings.Contains(err.Error(), words)
}

// reasonOf is a refusal in few words: what happened, and the ledger's stable
// code where there is one.
func reasonOf(err, want error) string {
	var coded *record.Error
	if errors.As(err, &coded) {
		happened, _, _ := strings.Cut(coded.Message, ". ")
		happened, _, _ = strings.Cut(happened, " (request ")
		return longHex.ReplaceAllStringFunc(happened, func(id string) string { return id[:8] + "…" }) + " (" + string(coded.Code) + ")"
	}
	_, text, found := strings.Cut(want.Error(), ": ")
	if !found {
		return want.Error()
	}
	return text
}

// longHex finds identifiers, which say little to a person in full.
var longHex = regexp.MustCompile(`[0-9a-f]{16,}`)

// plural is "1 record" or "2 records".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func expect(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrStory, fmt.Sprintf(format, args...))
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
