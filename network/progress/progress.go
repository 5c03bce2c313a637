// Package progress tells a person what a long operation is doing. An operation
// reports phases; who called it decides how, or whether, they are shown.
package progress

import (
	"fmt"
	"time"
)

// State of a phase in an Event.
type State int

// The states, in the order in which a phase goes through them.
const (
	Started State = iota
	Running
	Done
	Failed
	Stopped // by the user: nothing is wrong
)

// Event is one step of one phase.
type Event struct {
	Phase   string
	State   State
	Detail  string
	Elapsed time.Duration
}

// Func receives the events of an operation. Calls never overlap for one phase;
// phases follow each other. A nil Func drops every event.
type Func func(Event)

// Phase is a part of an operation that has started and not yet ended.
type Phase struct {
	name    string
	started time.Time
	report  Func
}

// Start begins a phase.
func (f Func) Start(name string) *Phase {
	phase := &Phase{name: name, started: time.Now(), report: f}
	phase.send(Started, "")
	return phase
}

// Detail says how far the phase has come.
func (p *Phase) Detail(format string, args ...any) {
	p.send(Running, fmt.Sprintf(format, args...))
}

// Done ends the phase well; summary may be empty.
func (p *Phase) Done(summary string) { p.send(Done, summary) }

// Fail ends the phase and returns err unchanged, for `return phase.Fail(err)`.
func (p *Phase) Fail(err error) error {
	p.send(Failed, "")
	return err
}

func (p *Phase) send(state State, detail string) {
	if p.report != nil {
		p.report(Event{Phase: p.name, State: state, Detail: detail, Elapsed: time.Since(p.started)})
	}
}
