package store

// Options is what can be chosen when a store is opened.
type Options struct {
	// Payloads is the folder for payloads above 256 KiB. "" stands for the
	// folder that the engine knows itself, if it does.
	Payloads string
	// SealKey is the key under which rows are sealed.
	SealKey []byte
}

// Option changes Options.
type Option func(*Options)

// WithPayloads keeps payloads above 256 KiB in a folder, which is made when the
// first of them comes. It belongs to one store alone.
func WithPayloads(folder string) Option {
	return func(o *Options) { o.Payloads = folder }
}

// WithSealKey seals rows under a key, so that only who has it can alter one
// unseen. Without this option the seals are plain sums: they find accidents and
// careless hands. The key is decided when the store is made: with another one
// every row looks altered and nothing can be written (ErrSealKey).
func WithSealKey(key []byte) Option {
	return func(o *Options) { o.SealKey = key }
}

// Chosen is what options choose.
func Chosen(options ...Option) Options {
	var o Options
	for _, option := range options {
		option(&o)
	}
	return o
}
