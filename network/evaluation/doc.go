// Package evaluation does section 5 of the paper again: tables 2 and 3 and
// figures 4 to 7, once with the paper's numbers and once with what this machine
// and BN254 give.
//
// Everything but the timings follows from formulas. Measure takes the timings;
// Files turns them into CSV, Markdown and SVG, the same bytes for the same
// timings, so that a test can tell whether the committed files still are what
// the formulas say.
package evaluation
