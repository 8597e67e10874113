using System.Collections;
using System.Runtime.CompilerServices;

namespace Brook;

/// <summary>What a handler answers: none (<c>default</c>), one or several changes, in order. Made from a <see cref="Change"/> or a collection expression <c>[a, b]</c>.</summary>
[CollectionBuilder(typeof(Changes), nameof(Create))]
public readonly struct Changes : IReadOnlyList<Change>
{
    private readonly Change _one;
    private readonly Change[]? _many;

    private Changes(Change one) => _one = one;
    private Changes(Change[] many) => _many = many;

    /// <summary>What a collection expression calls.</summary>
    public static Changes Create(ReadOnlySpan<Change> changes) => changes.Length switch
    {
        0 => default,
        1 => new(changes[0]),
        _ => new(changes.ToArray()),
    };

    /// <summary>One change is a list of one.</summary>
    public static implicit operator Changes(Change change) => new(change);

    /// <summary>How many; 0 for <c>default</c> and for a single <see cref="Change.Discard"/>.</summary>
    public int Count => _many?.Length ?? (_one.Kind == ChangeKind.Discard ? 0 : 1);

    /// <summary>The change at <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    public Change this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            return _many is { } many ? many[index] : _one;
        }
    }

    /// <summary>In order.</summary>
    public Enumerator GetEnumerator() => new(this);

    IEnumerator<Change> IEnumerable<Change>.GetEnumerator() => GetEnumerator();
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Enumerates changes without allocating.</summary>
    public struct Enumerator : IEnumerator<Change>
    {
        private readonly Changes _changes;
        private int _index;

        internal Enumerator(Changes changes) => (_changes, _index) = (changes, -1);

        /// <inheritdoc />
        public readonly Change Current => _changes[_index];
        readonly object IEnumerator.Current => Current;

        /// <inheritdoc />
        public bool MoveNext() => ++_index < _changes.Count;

        /// <inheritdoc />
        public void Reset() => _index = -1;

        /// <inheritdoc />
        public readonly void Dispose() { }
    }
}
