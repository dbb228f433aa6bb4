// Entity data in columns: CoNLL-2003 (word POS chunk tag), CoNLL-2012 *_gold_conll, and files of
// two or three columns; plain or gzip. Tags come out as BIO in the IOB2 scheme or as they stand.
//
// Main type: TaggedSentence. Not for features nor for scores (entity_score.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/dataset.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Words of a sentence and one tag each.
struct TaggedSentence {
    std::vector<std::string> words;
    std::vector<std::string> tags;  ///< IOB2: "O", "B-PER", "I-PER"; empty: not tagged
    std::size_t line = 0;           ///< line (or row) of the file where it begins, from 1
};

/// Read a file of tagged words, one a line, sentences divided by blank lines. The columns are
/// recognised: white space (or tabs) divides them; the first line decides. CoNLL-2012 files (with
/// "#begin document" lines) have their words in the fourth column and bracketed entities in the
/// eleventh; a file whose first column counts 0, 1, 2 has its words in the second. Otherwise the
/// word is the first column and the tag the last. -DOCSTART- lines are no words.
///
/// IOB1, IOB2 and BIOES (also BILOU) tags are brought to IOB2. Errors: not found and the like;
/// corrupt with the line, for a line of another number of columns, a tag of no known form, or a
/// bracket that does not close. kOptional also accepts a file of words alone, one column.
Result<std::vector<TaggedSentence>> read_conll(const std::filesystem::path& file,
                                               LabelRule label_rule = LabelRule::kRequired);

/// Whether a tag has a known form: O, or B-, I-, E-, S-, L- or U- with a type.
bool is_entity_tag(std::string_view tag);

/// Return one sentence's tags as IOB2: B- begins each entity. As in seqeval, an I- tag after O or
/// after another type begins an entity.
std::vector<std::string> to_iob2(const std::vector<std::string>& tags);

}  // namespace finewatt
