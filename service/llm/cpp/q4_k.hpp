// Eight interleaved rows of Q4_K times rows of Q8_K, four of them interleaved or one alone, with the same sums.
#pragma once

#include "blocks.hpp"

namespace career {

// Activations as the kernel asks for them: eight bytes of a row from value `at`, the four sums of its part of 64.
struct Quads {
    const BlockQ8Kx4 * quad[2];

    long long values(int row, int64_t block, int at) const {
        long long out;
        memcpy(&out, quad[row / 4][block].q + 4 * at + 8 * (row % 4), 8);
        return out;
    }
    long long sums(int row, int64_t block, int part) const {
        long long out;
        memcpy(&out, quad[row / 4][block].sums + 16 * part + 4 * (row % 4), 8);
        return out;
    }
    float d(int row, int64_t block) const { return quad[row / 4][block].d[row % 4]; }
};

struct Single {
    const BlockQ8K * row;

    long long values(int, int64_t block, int at) const {
        long long out;
        memcpy(&out, row[block].q + at, 8);
        return out;
    }
    long long sums(int, int64_t block, int part) const {
        long long out;
        memcpy(&out, row[block].sums + 4 * part, 8);
        return out;
    }
    float d(int, int64_t block) const { return row[block].d; }
};

// The scales and minima, six bits each, of two neighbouring parts of 32; in lane L words of the even part for rows 2L,
// 2L, 2L+1, 2L+1, then of the odd part likewise.
struct Scales4 {
    __m512i scale, least;

    explicit Scales4(const uint8_t * packed) {
        uint64_t scales[2], minima[2];
        for (int part = 0; part < 2; part++) {
            uint32_t u[3];
            memcpy(u, packed + 12 * part, 12);
            const uint32_t upper_scales = (u[2] & 0x0f0f0f0f) | (((u[0] >> 6) & 0x03030303) << 4);
            const uint32_t upper_minima = ((u[2] >> 4) & 0x0f0f0f0f) | (((u[1] >> 6) & 0x03030303) << 4);
            scales[part] = (u[0] & 0x3f3f3f3f) | (uint64_t) upper_scales << 32;
            minima[part] = (u[1] & 0x3f3f3f3f) | (uint64_t) upper_minima << 32;
        }
        scale = spread(scales);
        least = spread(minima);
    }

    static __m512i spread(const uint64_t * bytes) {
        const __m512i lanes = _mm512_set_epi64(
            (long long) 0x800f800f800e800e, (long long) 0x8007800780068006, (long long) 0x800d800d800c800c,
            (long long) 0x8005800580048004, (long long) 0x800b800b800a800a, (long long) 0x8003800380028002,
            (long long) 0x8009800980088008, (long long) 0x8001800180008000);
        const __m128i both = _mm_set_epi64x((long long) bytes[1], (long long) bytes[0]);
        return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(both), lanes);
    }
};

inline __m512 twice(const uint16_t * halves) {
    const __m512i pattern = _mm512_set_epi32(7, 6, 7, 6, 5, 4, 5, 4, 3, 2, 3, 2, 1, 0, 1, 0);
    const __m256 eight = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(halves)));
    return _mm512_permutexvar_ps(pattern, _mm512_castps256_ps512(eight));
}

// Sixteen products of at most 15 * 127 fit sixteen bits: so two parts are packed before they are scaled.
template <int ROWS, typename Rows>
inline __attribute__((always_inline)) void block4(const BlockQ4Kx8 & x, int64_t b, const Rows & y, __m512 * sum) {
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512i total[ROWS], least[ROWS];
    for (int m = 0; m < ROWS; m++) total[m] = least[m] = _mm512_setzero_si512();
    for (int part = 0; part < 4; part++) {
        const Scales4 scales(x.scales + 24 * part);
        __m512i even[ROWS], odd[ROWS];
        for (int m = 0; m < ROWS; m++) even[m] = odd[m] = _mm512_setzero_si512();
        for (int j = 0; j < 4; j++) {
            const __m512i raw = _mm512_loadu_si512(x.q + 256 * part + 64 * j);
            const __m512i low = _mm512_and_si512(raw, nibble);
            const __m512i high = _mm512_and_si512(_mm512_srli_epi16(raw, 4), nibble);
            for (int m = 0; m < ROWS; m++) {
                even[m] = _mm512_dpbusd_epi32(even[m], low, _mm512_set1_epi64(y.values(m, b, 64 * part + 8 * j)));
                odd[m] = _mm512_dpbusd_epi32(odd[m], high, _mm512_set1_epi64(y.values(m, b, 64 * part + 32 + 8 * j)));
            }
        }
        for (int m = 0; m < ROWS; m++) {
            total[m] = _mm512_dpwssd_epi32(total[m], _mm512_packs_epi32(even[m], odd[m]), scales.scale);
            const __m512i sums = _mm512_shuffle_epi32(_mm512_set1_epi64(y.sums(m, b, part)), _MM_PERM_BBAA);
            least[m] = _mm512_dpwssd_epi32(least[m], sums, scales.least);
        }
    }
    const __m512 d = twice(x.d), dmin = twice(x.dmin);
    for (int m = 0; m < ROWS; m++) {
        const __m512 taken = _mm512_mul_ps(_mm512_cvtepi32_ps(least[m]), dmin);
        const __m512 product = _mm512_fmsub_ps(_mm512_cvtepi32_ps(total[m]), d, taken);
        sum[m] = _mm512_fmadd_ps(product, _mm512_set1_ps(y.d(m, b)), sum[m]);
    }
}

// Eight rows of weights, ROWS of activations; eight values to out + m * out_stride.
template <int ROWS, typename Rows>
void tile4(const BlockQ4Kx8 * w, int64_t blocks, const Rows & y, float * out, int64_t out_stride) {
    __m512 sum[ROWS];
    for (int m = 0; m < ROWS; m++) sum[m] = _mm512_setzero_ps();
    for (int64_t b = 0; b < blocks; b++) block4<ROWS>(w[b], b, y, sum);
    const __m512i pick = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 13, 12, 9, 8, 5, 4, 1, 0);
    for (int m = 0; m < ROWS; m++) {
        const __m512 both = _mm512_add_ps(sum[m], _mm512_shuffle_ps(sum[m], sum[m], _MM_PERM_BADC));
        _mm256_storeu_ps(out + m * out_stride, _mm512_castps512_ps256(_mm512_permutexvar_ps(pick, both)));
    }
}

}  // namespace career
