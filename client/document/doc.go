// Package document defines what ClaimShare seals: the insurance policy and the
// repair record, the paper's "unified standards" (section 2.3, item 4).
//
// Each kind of document is a published JSON Schema, draft 2020-12, described
// field by field (directory schema, [Schemas]), and a Go struct of the same
// shape ([Policy], [RepairRecord]). A document is checked before anything is
// encrypted and again after it has been decrypted: strict JSON, the schema with
// formats asserted, then what a schema cannot say: identification numbers of
// vehicles ([CheckVIN]), currencies ([MinorUnit]), the order of times,
// references, and sums that must add up. [Invalid] lists every problem with its
// place and what to do about it.
//
// A [Document] is a checked document: [Parse], [NewPolicy], [NewRepair] and
// [Unpack] are the only ways to one. [Pack] writes it with its attachments, for
// instance photos of the damage, as one stream of bytes: the plaintext of a
// sealed record. That stream is a tar archive (POSIX ustar) of which every byte
// follows from the document and the attachments, so that [Unpack] accepts
// nothing that Pack would not have written. Neither holds an attachment in
// memory.
//
// What this package does not protect: it neither encrypts nor signs, and it
// cannot know whether a document is true. Photos are passed on as they are,
// with the metadata that a camera may have written into them.
package document
