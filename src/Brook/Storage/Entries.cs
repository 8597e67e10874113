namespace Brook.Storage;

/// <summary>Names an entry of a view. Compared ordinally.</summary>
/// <param name="Collection">The collection; those beginning with <c>$</c> are Brook's own.</param>
/// <param name="Key">The key in it.</param>
public readonly record struct EntryKey(string Collection, string Key)
{
    /// <summary>For people: <c>orders/42</c>.</summary>
    public override string ToString() => Names.OneLine($"{Collection}/{Key}");
}

/// <summary>An entry as stored; <c>default</c> is a missing one.</summary>
/// <param name="Version">What the commit that wrote it was stamped with; 0: there is no entry.</param>
/// <param name="Value">JSON in UTF-8; a stored null is the four bytes <c>null</c>.</param>
/// <param name="ExpiresAt">When it stops being visible; null: never.</param>
public readonly record struct StoredEntry(long Version, ReadOnlyMemory<byte> Value, DateTimeOffset? ExpiresAt = null)
{
    /// <summary>There is no such entry.</summary>
    public bool IsMissing => Version == 0;
}
