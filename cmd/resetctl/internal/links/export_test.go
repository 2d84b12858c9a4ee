package links

// What tests reach no other way: a disk that does not keep what it was given,
// a file that is replaced between two looks at it, and texts that are no files.
var (
	Add    = add
	MayAdd = (*File).mayAdd
	KeysOf = keysOf
)
