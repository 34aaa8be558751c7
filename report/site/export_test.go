package site

import (
	"errors"
	"io"
)

// MatrixPage writes one page of an edition: that of its first matrix.
func MatrixPage(w io.Writer, e *Edition) error {
	b := newBook(e)
	return webPages().ExecuteTemplate(w, "matrixpage", b.sheetPage(&b.sheets[0], false))
}

// Assets are the files that it refers to.
func Assets() map[string]string { return map[string]string{styleFile: assetCSS, scriptFile: assetJS} }

// WithoutExchange makes the site believe that folders cannot change places.
func WithoutExchange() (restore func()) {
	exchange = func(_, _ string) error { return errors.ErrUnsupported }
	return func() { exchange = exchangeFolders }
}
