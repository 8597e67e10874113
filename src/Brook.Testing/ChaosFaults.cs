namespace Brook.Testing;

/// <summary>What <see cref="Chaos"/> does to handlers and store; each can be left out (<see cref="Chaos.Without(ChaosFaults)"/>).</summary>
[Flags]
public enum ChaosFaults
{
    /// <summary>Nothing: events come once, one lane, in order.</summary>
    None = 0,

    /// <summary>A message is delivered again, at once or much later; an event with an id of its own is sent twice.</summary>
    Duplicates = 1,

    /// <summary>Events of different keys come in another order, on several lanes; those of one key never do.</summary>
    Reorder = 2,

    /// <summary>The process ends, or a call is cancelled, between any two steps: before and after each call of the store, between the parts of a message.</summary>
    Crash = 4,

    /// <summary>A new owner takes the lane over while the old one is at work, and the old one goes on: a zombie.</summary>
    TakeOver = 8,

    /// <summary>Entries are written by others between a handler's read and its commit.</summary>
    OtherWriter = 16,

    /// <summary>Calls of the store fail, alone or for a while; the answer of a commit gets lost.</summary>
    FailingStore = 32,

    /// <summary>A call of the store takes long: the clock moves.</summary>
    SlowStore = 64,

    /// <summary>Handlers and merges of some events fail, each time or once. What is set aside must be what failed, and what stands behind it under its key.</summary>
    Poison = 128,

    /// <summary>Events come together in batches of other sizes, and large ones are committed in parts.</summary>
    Cuts = 256,

    /// <summary>Everything.</summary>
    All = Duplicates | Reorder | Crash | TakeOver | OtherWriter | FailingStore | SlowStore | Poison | Cuts,
}
