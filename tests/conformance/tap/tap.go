// SPDX-License-Identifier: Apache-2.0

// Package tap writes results in the Test Anything Protocol. It stands in for the package of that
// name that the OCI validation programs import and that Debian doesn't have.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T counts the tests of one program.
type T struct {
	Writer io.Writer
	next   *int
	todo   string
}

// New starts a program's report on standard output.
func New() *T {
	first := 1
	return &T{Writer: os.Stdout, next: &first}
}

func (t *T) print(format string, args ...interface{}) {
	w := t.Writer
	if w == nil {
		w = os.Stdout
	}
	fmt.Fprintf(w, format, args...)
}

// Header names the version, and the plan where the number of tests is known.
func (t *T) Header(count int) {
	t.print("TAP version 13\n")
	if count > 0 {
		t.print("1..%d\n", count)
	}
}

// AutoPlan prints the plan after the last test.
func (t *T) AutoPlan() {
	t.print("1..%d\n", *t.next-1)
}

// Ok reports one test.
func (t *T) Ok(ok bool, description string) {
	word := "ok"
	if !ok {
		word = "not ok"
	}
	t.print("%s %d -%s %s\n", word, *t.next, t.todo, description)
	*t.next++
}

// Pass reports a success.
func (t *T) Pass(description string) {
	t.Ok(true, description)
}

// Fail reports a failure.
func (t *T) Fail(description string) {
	t.Ok(false, description)
}

// Skip reports tests that can't be run.
func (t *T) Skip(count int, description string) {
	for ; count > 0; count-- {
		t.print("ok %d # SKIP %s\n", *t.next, description)
		*t.next++
	}
}

// Todo reports what is known to be missing: its failures don't count.
func (t *T) Todo() *T {
	c := *t
	c.todo = " # TODO"
	return &c
}

// Diagnostic prints a remark.
func (t *T) Diagnostic(message string) {
	t.print("# %s\n", strings.ReplaceAll(message, "\n", "\n# "))
}

// Diagnosticf prints a formatted remark.
func (t *T) Diagnosticf(format string, args ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, args...))
}

// YAML adds a value to the last test. JSON is YAML.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		return err
	}
	t.print("  ---\n  %s\n  ...\n", text)
	return nil
}
