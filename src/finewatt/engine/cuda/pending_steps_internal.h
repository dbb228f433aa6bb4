// SlotRing and RecentlyUsed: the two small containers of the queue of steps. Torch-free.
#pragma once

#include "finewatt/base/check.h"

#include <cstddef>
#include <list>
#include <utility>

namespace finewatt {

/// Which of a fixed number of slots are in use, first in, first out. Slot numbers go round.
class SlotRing {
  public:
    explicit SlotRing(std::size_t slots) : slots_(slots) {}

    bool is_empty() const { return used_ == 0; }

    bool is_full() const { return used_ == slots_; }

    /// Take the next free slot and return its number. There must be one.
    std::size_t push() {
        FINEWATT_CHECK(!is_full(), "a slot is free");
        used_ += 1;
        return (oldest_ + used_ - 1) % slots_;
    }

    /// Return the slot that was taken first. There must be one.
    std::size_t oldest() const {
        FINEWATT_CHECK(!is_empty(), "a slot is in use");
        return oldest_;
    }

    /// Free that slot.
    void pop() {
        oldest_ = (oldest() + 1) % slots_;
        used_ -= 1;
    }

  private:
    std::size_t slots_;
    std::size_t oldest_ = 0;
    std::size_t used_ = 0;
};

/// A few values by key. Keys have operator==; values stay where they are until they are dropped.
template <class Key, class Value>
class RecentlyUsed {
  public:
    /// `most` is at least 1.
    explicit RecentlyUsed(std::size_t most) : most_(most) {}

    /// Return the value of a key and make it the most recently used; null where there is none.
    Value* find(const Key& key) {
        for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
            if (entry->first == key) {
                entries_.splice(entries_.begin(), entries_, entry);
                return &entry->second;
            }
        }
        return nullptr;
    }

    /// Add a value for a key that has none; the least recently used one is dropped if need be.
    Value& add(const Key& key, Value value) {
        if (entries_.size() >= most_) {
            entries_.pop_back();
        }
        entries_.emplace_front(key, std::move(value));
        return entries_.front().second;
    }

    std::size_t size() const { return entries_.size(); }

  private:
    std::size_t most_;
    std::list<std::pair<Key, Value>> entries_;
};

}  // namespace finewatt
