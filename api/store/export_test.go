package store

// RowTypes shows the row structs to the tests outside, which have databases.
var RowTypes = rowTypes
